/** The only importer of convict. */
import convict from 'convict';
import { readCommandLine } from './command-line.js';
import { type ConfigSources, type Layer, readLayers } from './config-sources.js';
import { suspectVariables } from './environment.js';
import { ServiceError } from './errors.js';
import { parseSetting } from './formats.js';
import { type ConfigOf, describeSettings, listSettings, mapSettings, type Setting, type Settings } from './settings.js';

/** The line between the faults and what is not used, in the text of a fault. */
export const UNUSED_PARTS = 'Parts of it are not used:';

/**
 * Reads all sources and checks them against the settings: the file, the environment, the command line, each weighing more
 * than the one before. Reads nothing but `file` and the files that `<NAME>_FILE` variables name.
 * A setting that the file gives as null is not given. Throws ServiceError `config-unreadable` (the file cannot be read or parsed)
 * or `config-invalid` with every fault in one message: source, value (never a secret's), what is allowed.
 */
export function loadConfig<const S extends Settings>(settings: S, sources: ConfigSources): ConfigOf<S> {
  const faults: string[] = [];
  const layers = readLayers(settings, sources, faults);
  const values = merge(settings, layers, faults);
  if (faults.length > 0) throw invalid(faults, unusedParts(settings, sources));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- keys and types follow the settings by construction
  return mapSettings(settings, (key) => values.get(key)) as ConfigOf<S>;
}

/** What was written and does nothing; perhaps it is what is missing. */
export function unusedParts(settings: Settings, { env, preset }: Pick<ConfigSources, 'env' | 'preset'>): readonly string[] {
  const suspects = suspectVariables(env, describeSettings(settings));
  return [
    ...(preset?.warnings ?? []),
    ...suspects.map(({ meant, variable }) => `variable ${variable}: is not known; did you mean ${meant}?`),
  ];
}

function invalid(faults: readonly string[], unused: readonly string[]): ServiceError {
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  const parts = unused.length === 0 ? [] : [UNUSED_PARTS, ...unused.map((part) => `  - ${part}`)];
  return new ServiceError(
    'config-invalid',
    [`The configuration has ${count}:`, ...faults.map((fault) => `  - ${fault}`), ...parts].join('\n'),
  );
}

/**
 * convict keeps the schema, lays the sources over each other and asks for every key whether its value is good. Its own reading of
 * variables and arguments is not used: it takes a text such as 1e3 or 0x1F for a number, which would change a password.
 */
function merge(settings: Settings, layers: readonly Layer[], faults: string[]): ReadonlyMap<string, unknown> {
  const values = new Map(listSettings(settings).map(([key, { default: value }]) => [key, value]));
  const schema = mapSettings(settings, (key, setting) => ({
    doc: setting.doc,
    sensitive: setting.secret ?? false,
    default: undefined,
    format: (raw: unknown) => accept(key, setting, raw),
  }));

  function accept(key: string, setting: Setting<unknown>, raw: unknown): void {
    const parsed = parseSetting(setting, raw);
    if ('value' in parsed) values.set(key, parsed.value);
    else faults.push(`${sourceOf(key, layers)}: ${notAllowed(setting, raw, parsed.allowed)}`);
  }

  const config = convict<Record<string, unknown>>(schema, { env: {}, args: [] });
  for (const layer of layers) config.load(mapSettings(settings, (key) => layer.get(key)?.raw));
  config.validate({ allowed: 'strict' });
  faults.push(...missing(settings, layers), ...missingFor(settings, values, layers));
  return values;
}

function missing(settings: Settings, layers: readonly Layer[]): readonly string[] {
  return listSettings(settings)
    .filter(([key, { required, default: value }]) => required === true && value === '' && !layers.some((layer) => layer.has(key)))
    .map(([key]) => `${key}: is required; no source gives it`);
}

/** Settings that only one choice of another setting needs. */
function missingFor(settings: Settings, values: ReadonlyMap<string, unknown>, layers: readonly Layer[]): readonly string[] {
  return listSettings(settings).flatMap(([key, { requiredFor }]) => {
    if (requiredFor === undefined || values.get(key) !== '' || values.get(requiredFor.key) !== requiredFor.value) return [];
    const needed = `is required with ${requiredFor.key} ${requiredFor.value}`;
    const isGiven = layers.some((layer) => layer.has(key));
    return [isGiven ? `${sourceOf(key, layers)}: is empty; ${key} ${needed}` : `${key}: ${needed}; no source gives it`];
  });
}

function sourceOf(key: string, layers: readonly Layer[]): string {
  return layers.findLast((layer) => layer.has(key))?.get(key)?.source ?? key;
}

/** What is wrong with the command line by itself, whatever the other sources say. */
export function commandLineFaults(settings: Settings, args: readonly string[]): readonly string[] {
  const known = new Map(listSettings(settings));
  const { values, faults } = readCommandLine(args, known);
  const wrong = [...values].flatMap(([key, raw]) => {
    const setting = known.get(key);
    const parsed = setting === undefined ? undefined : parseSetting(setting, raw);
    return setting === undefined || parsed === undefined || 'value' in parsed
      ? []
      : [`option --${key}: ${notAllowed(setting, raw, parsed.allowed)}`];
  });
  return [...faults, ...wrong];
}

function notAllowed(setting: Setting<unknown>, raw: unknown, allowed: string): string {
  return `${shownValue(setting, raw)} is not allowed; allowed: ${allowed}`;
}

const MAX_SHOWN = 100;

function shownValue({ secret }: Setting<unknown>, raw: unknown): string {
  if (secret === true) return 'the value (not shown)';
  const text = JSON.stringify(raw, (_key, value: unknown) => (typeof value === 'string' ? withoutPasswords(value) : value));
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}

/** A URL may carry a password although it must not, with any character in it: all up to the last @ before the next URL is taken for it. */
function withoutPasswords(text: string): string {
  const urls = text.split(/(?=,\s*[a-z][a-z0-9+.-]*:\/\/)/i);
  return urls
    .map((url) => {
      const [slashes, end] = [url.indexOf('//'), url.lastIndexOf('@')];
      // Without its scheme, too: NAME:PASSWORD@HOST.
      const start = slashes < 0 ? 0 : slashes + 2;
      return end > start && url.slice(0, end).includes(':') ? `${url.slice(0, start)}***${url.slice(end)}` : url;
    })
    .join('');
}
