import { closest } from './closest.js';
import { readCommandLine } from './command-line.js';
import { MAX_CONFIG_BYTES, parseConfigText, readTextFile } from './config-file.js';
import { readEnvironment } from './environment.js';
import { ServiceError } from './errors.js';
import { describeSettings, isSetting, listSettings, type Settings } from './settings.js';

/** Raw values by key, each with where it stands. */
export type Layer = ReadonlyMap<string, { readonly source: string; readonly raw: unknown }>;

/** What a program made of a configuration of another kind, before the service sees it. */
export interface Preset {
  readonly values: Layer;
  /** What is wrong with it; joins the faults of the other sources. */
  readonly faults: readonly string[];
  /** Logged when the service starts. */
  readonly warnings: readonly string[];
}

/** Where values come from, in increasing weight. */
export interface ConfigSources {
  readonly preset?: Preset;
  /** Path of a JSON or YAML file; absent: none. */
  readonly file?: string;
  /** Text of the file, when it was read elsewhere; `file` then only names it. */
  readonly fileText?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--broker.login=x`, `--broker.login x`, `--once`, `--no-once`. */
  readonly args: readonly string[];
}

/** The sources as layers in increasing weight; what is wrong with them is added to faults. Throws `config-unreadable`. */
export function readLayers(settings: Settings, sources: ConfigSources, faults: string[]): readonly Layer[] {
  faults.push(...(sources.preset?.faults ?? []));
  return [
    sources.preset?.values ?? new Map(),
    fileLayer(settings, sources, faults),
    environmentLayer(settings, sources.env, faults),
    commandLineLayer(settings, sources.args, faults),
  ];
}

/** Where the value of a setting comes from: `variable SSM_BROKER_LOGIN`; undefined: no source gives it. Throws `config-unreadable`. */
export function sourceOf(settings: Settings, sources: ConfigSources, key: string): string | undefined {
  return readLayers(settings, sources, [])
    .findLast((layer) => layer.has(key))
    ?.get(key)?.source;
}

function fileLayer(settings: Settings, sources: ConfigSources, faults: string[]): Layer {
  const name = sources.file ?? 'configuration';
  const layer = new Map<string, { readonly source: string; readonly raw: unknown }>();

  function walk(group: object, known: Settings, prefix: string): void {
    for (const [part, raw] of Object.entries(group)) {
      const key = `${prefix}${part}`;
      const source = `file ${name}: ${key}`;
      const node = Object.hasOwn(known, part) ? known[part] : undefined;
      if (node === undefined) faults.push(`${source}: ${unknownKey(part, key, settings)}`);
      else if (isSetting(node)) takeLeaf(key, raw, source);
      else if (isGroup(raw)) walk(raw, node, `${key}.`);
      else if (raw !== null) faults.push(`${source}: must be a mapping with ${Object.keys(node).join(', ')}`);
    }
  }
  function takeLeaf(key: string, raw: unknown, source: string): void {
    if (isGroup(raw)) faults.push(`${source}: must be a value, not a mapping`);
    else if (raw !== null) layer.set(key, { source, raw });
  }

  const root = parseConfigText(textOf(sources), name);
  if (isGroup(root)) walk(root, settings, '');
  else if (root !== null) faults.push(`file ${name}: must be a mapping of keys to values`);
  return layer;
}

function textOf({ file, fileText }: ConfigSources): string {
  if (fileText !== undefined || file === undefined) return fileText ?? '';
  try {
    return readTextFile(file, MAX_CONFIG_BYTES);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ServiceError('config-unreadable', `Cannot read the configuration file ${JSON.stringify(file)}: ${reason}`, { cause: error });
  }
}

function unknownKey(part: string, key: string, settings: Settings): string {
  const keys = listSettings(settings).map(([each]) => each);
  // The way in which documents write a key.
  if (part.includes('.') && keys.includes(key))
    return `keys are nested in a file: ${key.split('.').join(': { ')}: ...${' }'.repeat(key.split('.').length - 1)}`;
  const groups = keys.flatMap((each) => each.split('.').map((_, index, parts) => parts.slice(0, index).join('.')));
  const meant = closest(key, [...keys, ...new Set(groups.filter((group) => group !== ''))]);
  return `unknown key${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}

function environmentLayer(settings: Settings, env: ConfigSources['env'], faults: string[]): Layer {
  const found = readEnvironment(env, describeSettings(settings));
  faults.push(...found.flatMap(({ source, fault }) => (fault === undefined ? [] : [`${source}: ${fault}`])));
  return new Map(found.flatMap(({ key, source, text }) => (text === undefined ? [] : [[key, { source, raw: text }]])));
}

function commandLineLayer(settings: Settings, args: readonly string[], faults: string[]): Layer {
  const read = readCommandLine(args, new Map(listSettings(settings)));
  faults.push(...read.faults);
  return new Map([...read.values].map(([key, raw]) => [key, { source: `option --${key}`, raw }]));
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
