/** An old configuration file as one more source of the settings of a service. */
import { closest, type Preset } from '@ssm/service-kit';
import type { IniFile, IniSection } from '../ini/parse.js';
import { mapBroker } from './broker.js';
import { Draft } from './draft.js';
import { CLASSIC_KEYS, CLASSIC_SECTIONS, type ClassicKey, type ServiceName } from './keys.js';

/** `file` is how places name it. */
export function mapClassic(file: string, ini: IniFile, service: ServiceName): Preset {
  const draft = new Draft(file, ini);
  warnOfUnknown(draft, ini, service);
  mapBroker(draft, service);
  mapPath(draft, service);
  for (const each of CLASSIC_KEYS) mapOne(draft, each, service);
  return draft.finish();
}

/** The old receiver makes its two queues below one path, the old sender has only one. */
function mapPath(draft: Draft, service: ServiceName): void {
  const path = draft.find('messaging', 'path');
  if (path?.text === '') draft.refuse(path, 'the path of a directory');
  else if (path !== undefined && service === 'sender') draft.set('outgoing.path', path.text, path.place);
  else if (path !== undefined) {
    const parent = path.text.replace(/\/+$/, '');
    for (const queue of ['incoming', 'reject']) draft.set(`${queue}.path`, `${parent}/${queue}`, path.place);
  }
}

function mapOne(draft: Draft, { section, key, becomes, conversion }: ClassicKey, service: ServiceName): void {
  const targets = becomes[service] ?? [];
  if (conversion === undefined || targets.length === 0) return;
  const found = draft.find(section, key);
  if (found === undefined) return;
  const raw = conversion.convert(found.text);
  if (raw === undefined) draft.refuse(found, conversion.allowed);
  else for (const target of targets) draft.set(target, raw, found.place);
}

function warnOfUnknown(draft: Draft, { sections, headers }: IniFile, service: ServiceName): void {
  for (const [name, entries] of sections) {
    if (CLASSIC_SECTIONS.includes(name)) warnOfKeys(draft, name, entries, service);
    else
      draft.warnings.push(`${draft.file}:${headers.get(name) ?? 0} [${name}]: unknown section${meant(name, CLASSIC_SECTIONS, '[', ']')}`);
  }
}

/** Keys of DEFAULT are there to be put into others: they are nobody's in particular. */
function warnOfKeys(draft: Draft, section: string, entries: IniSection, service: ServiceName): void {
  const known = CLASSIC_KEYS.filter((each) => each.section === section);
  const names = known.map(({ key }) => key);
  for (const [key, { line }] of entries) {
    const place = `${draft.file}:${line} [${section}] ${key}`;
    const found = known.find((each) => each.key === key);
    if (found === undefined) draft.warnings.push(`${place}: unknown key${meant(key, names)}${elsewhere(key)}`);
    else if (section !== 'broker' && found.becomes[service] === undefined) draft.warnings.push(`${place}: the ${service} does not use it`);
  }
}

function meant(name: string, names: readonly string[], before = '', after = ''): string {
  const best = closest(name, names);
  return best === undefined ? '' : `; did you mean ${before}${best}${after}?`;
}

/** The right key in the wrong section. */
function elsewhere(key: string): string {
  const homes = CLASSIC_KEYS.filter((each) => each.key === key).map(({ section }) => `[${section}]`);
  return homes.length === 0 ? '' : `; it belongs into ${homes.join(' or ')}`;
}
