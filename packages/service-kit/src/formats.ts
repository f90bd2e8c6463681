import type { Setting, SettingFormat } from './settings.js';

/** A value, or what would be allowed instead. */
export type Parsed = { readonly value: unknown } | { readonly allowed: string };

/**
 * Turns what a source says into the value of a setting. Every source says texts; a file may also say a list of them.
 */
export function parseSetting(setting: Setting<unknown>, raw: unknown): Parsed {
  if (raw === '' && setting.default === undefined) return { value: undefined };
  const value = parseFormat(setting.format, raw);
  if (value === undefined || !inRange(setting, value)) return { allowed: allowedText(setting) };
  if (setting.required === true && (value === '' || (Array.isArray(value) && value.length === 0))) return { allowed: 'not empty' };
  const allowed = setting.check?.(value);
  return allowed === undefined ? { value } : { allowed };
}

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};
const MAX_PORT = 65_535;

type TextFormat = Exclude<SettingFormat, { readonly oneOf: readonly string[] } | 'string-list'>;

/** One table: how a text becomes a value (undefined: it does not), and what is allowed. */
const TEXT_FORMATS: Readonly<Record<TextFormat, { readonly parse: (text: string) => unknown; readonly allowed: string }>> = {
  string: { parse: withoutNul, allowed: 'a text' },
  path: { parse: withoutNul, allowed: 'a path' },
  boolean: { parse: (text) => own(BOOLEANS, text.toLowerCase()), allowed: 'true or false' },
  integer: { parse: (text) => whole(/^-?\d{1,15}$/.test(text) ? Number(text) : undefined), allowed: 'a whole number' },
  port: {
    parse: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= MAX_PORT ? Number(text) : undefined),
    allowed: `a port number, 0 to ${MAX_PORT}`,
  },
  duration: {
    parse: (text) => withUnit(text, DURATION_UNITS, 'ms'),
    allowed: 'a duration such as 500ms, 30s, 10m, 12h, 7d (a plain number is milliseconds)',
  },
  bytes: { parse: (text) => withUnit(text, BYTE_UNITS, 'B'), allowed: 'a size such as 64KiB, 20MiB, 1GiB, 5MB (a plain number is bytes)' },
  mode: {
    // The leading zero is asked for because 770 in a JSON file could as well be meant in decimal.
    parse: (text) => (/^0o?[0-7]{3,4}$/.test(text) ? Number.parseInt(text.replace('o', ''), 8) : undefined),
    allowed: 'an octal mode with a leading zero such as 0750',
  },
};

function parseFormat(format: SettingFormat, raw: unknown): unknown {
  if (format === 'string-list') return parseList(raw);
  if (typeof raw !== 'string') return undefined;
  if (typeof format === 'object') return format.oneOf.includes(raw) ? raw : undefined;
  return TEXT_FORMATS[format].parse(raw);
}

function parseList(raw: unknown): readonly string[] | undefined {
  const items: readonly unknown[] = Array.isArray(raw)
    ? raw
    : typeof raw === 'string'
      ? raw.split(',').map((item) => item.trim())
      : [undefined];
  const texts = items.filter((item) => typeof item === 'string');
  return texts.length === items.length ? texts.filter((text) => text !== '') : undefined;
}

function withoutNul(text: string): string | undefined {
  return text.includes('\0') ? undefined : text;
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function whole(value: number | undefined): number | undefined {
  return value !== undefined && Number.isSafeInteger(value) ? value : undefined;
}

function withUnit(text: string, units: Readonly<Record<string, number>>, plainUnit: string): number | undefined {
  const [, digits, unit = plainUnit] = /^(\d{1,15}(?:\.\d{1,6})?) ?([A-Za-z]+)?$/.exec(text) ?? [];
  const factor = own(units, unit);
  return digits === undefined || factor === undefined ? undefined : whole(Math.round(Number(digits) * factor));
}

function inRange(setting: Setting<unknown>, value: unknown): boolean {
  return typeof value !== 'number' || (value >= (setting.minimum ?? -Infinity) && value <= (maximumOf(setting) ?? Infinity));
}

/** Node fires a timer at once that is longer than 2^31 - 1 ms, 24.8 days. */
const MAX_TIMER_MS = 24 * 86_400_000;

function maximumOf({ format, maximum }: Setting<unknown>): number | undefined {
  return maximum ?? (format === 'duration' ? MAX_TIMER_MS : undefined);
}

/** What a setting takes, with its limits. */
function allowedText(setting: Setting<unknown>): string {
  const { format, minimum } = setting;
  const maximum = maximumOf(setting);
  const base = baseText(format);
  const show = (value: number): string => formatValue(format, value);
  if (minimum !== undefined && maximum !== undefined) return `${base}, ${show(minimum)} to ${show(maximum)}`;
  if (minimum !== undefined) return `${base}, at least ${show(minimum)}`;
  return maximum === undefined ? base : `${base}, at most ${show(maximum)}`;
}

function baseText(format: SettingFormat): string {
  if (typeof format === 'object') return `one of ${format.oneOf.join(', ')}`;
  return format === 'string-list' ? 'a list of texts' : TEXT_FORMATS[format].allowed;
}

/** A value as one would write it in a variable: `30s`, `20MiB`, `0750`, `a,b`. */
export function formatValue(format: SettingFormat, value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'string' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'number') return '';
  if (format === 'duration') return inLargestUnit(value, ['d', 'h', 'm', 's'], DURATION_UNITS, 'ms');
  if (format === 'bytes') return inLargestUnit(value, ['TiB', 'GiB', 'MiB', 'KiB'], BYTE_UNITS, '');
  return format === 'mode' ? `0${value.toString(8)}` : String(value);
}

function inLargestUnit(value: number, names: readonly string[], units: Readonly<Record<string, number>>, smallest: string): string {
  const name = value === 0 ? undefined : names.find((each) => value % (units[each] ?? 1) === 0);
  return name === undefined ? `${value}${smallest}` : `${value / (units[name] ?? 1)}${name}`;
}
