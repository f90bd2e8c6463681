/** An old configuration file as one more source of the settings of a service. */
import { closest, type Preset } from '@ssm/service-kit';
import type { IniFile, IniSection } from '../ini/parse.js';
import { mapBroker } from './broker.js';
import { Draft } from './draft.js';
import { CLASSIC_KEYS, CLASSIC_SECTIONS, type ClassicKey, type ServiceName } from './keys.js';

/** `file` is how places name it. */
export function mapClassic(file: string, ini: IniFile, service: ServiceName): Preset {
  const draft = new Draft(file, ini);
  refuseOther(draft, ini, service);
  warnOfUnknown(draft, ini, service);
  mapBroker(draft, service);
  mapPath(draft, service);
  for (const each of CLASSIC_KEYS) mapOne(draft, each, service);
  return draft.finish();
}

/** The sections that only one of the two services has. Files of the time before [sender] and [receiver] have neither, or [daemon]. */
const OWN_SECTIONS = { sender: ['sender'], receiver: ['receiver', 'daemon'] } as const;

/** With the file of the other service one would wait where nobody sends, or send where nobody waits. */
function refuseOther(draft: Draft, { sections, headers }: IniFile, service: ServiceName): void {
  const other = service === 'sender' ? 'receiver' : 'sender';
  if (OWN_SECTIONS[service].some((name) => sections.has(name))) return;
  const [found] = OWN_SECTIONS[other].filter((name) => sections.has(name));
  const own = OWN_SECTIONS[service].map((name) => `[${name}]`).join(' or ');
  if (found !== undefined)
    draft.faults.push(
      `${draft.file}:${headers.get(found) ?? 0} [${found}]: the file of a ${other}; that of a ${service} has ${own} in place of it`,
    );
}

/** The old receiver makes its two queues below one path, the old sender has only one. */
function mapPath(draft: Draft, service: ServiceName): void {
  const path = draft.find('messaging', 'path');
  if (path === undefined) draft.require('messaging', 'path');
  else if (path.text === '') draft.refuse(path, 'the path of a directory');
  else if (service === 'sender') draft.set('outgoing.path', path.text, path.place);
  else {
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
