import { closest } from './closest.js';
import type { Setting } from './settings.js';

/** Values by key, as texts, and what is wrong with the rest. */
export interface CommandLine {
  readonly values: ReadonlyMap<string, string>;
  readonly faults: readonly string[];
}

/**
 * `--key=value`, `--key value`, and for booleans `--flag`, `--no-flag`, `--flag=true`. A list may be given by several
 * options; for everything else a second one is a fault. A value that begins with `--` needs the form with `=`.
 */
export function readCommandLine(args: readonly string[], settings: ReadonlyMap<string, Setting<unknown>>): CommandLine {
  const values = new Map<string, string>();
  const faults: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const option = readOption(args.slice(index), settings) ?? {
      fault: `argument ${placeOf(args, index)}: not an option; options begin with --`,
    };
    if ('fault' in option) {
      faults.push(option.fault);
      continue;
    }
    if (option.tookNext) index += 1;
    const before = values.get(option.key);
    if (before === undefined) values.set(option.key, option.value);
    else if (settings.get(option.key)?.format === 'string-list') values.set(option.key, `${before},${option.value}`);
    else faults.push(`option --${option.key}: given more than once`);
  }
  return { values, faults };
}

type Option = { readonly key: string; readonly value: string; readonly tookNext: boolean } | { readonly fault: string };

/** The option that the arguments begin with; undefined: it is none. */
function readOption([arg = '', next]: readonly string[], settings: ReadonlyMap<string, Setting<unknown>>): Option | undefined {
  const [, name, value] = OPTION.exec(arg) ?? [];
  if (name === undefined) return undefined;
  const setting = settings.get(name);
  if (setting === undefined) return value === undefined ? readNegation(name, settings) : unknown(name, settings);
  if (value !== undefined) return { key: name, value, tookNext: false };
  if (setting.format === 'boolean') return { key: name, value: 'true', tookNext: false };
  if (next === undefined || next.startsWith('--')) return { fault: `option --${name}: needs a value` };
  return { key: name, value: next, tookNext: true };
}

function readNegation(name: string, settings: ReadonlyMap<string, Setting<unknown>>): Option {
  const key = /^no-(.+)$/.exec(name)?.[1] ?? '';
  return settings.get(key)?.format === 'boolean' ? { key, value: 'false', tookNext: false } : unknown(name, settings);
}

function unknown(name: string, settings: ReadonlyMap<string, Setting<unknown>>): Option {
  const meant = closest(name, [...settings.keys()]);
  return { fault: `option --${shownName(name)}: unknown${meant === undefined ? '' : `; did you mean --${meant}?`}` };
}

const OPTION = /^--([^=]+)(?:=(.*))?$/s;
const MAX_SHOWN = 60;

/** Where an argument stands, not what it says: it may be the value of a mistyped option, so a secret. */
function placeOf(args: readonly string[], index: number): string {
  const before = args.slice(0, index).findLast((arg) => OPTION.test(arg));
  return before === undefined ? `${index + 1}` : `after --${shownName(OPTION.exec(before)?.[1] ?? '')}`;
}

function shownName(name: string): string {
  return JSON.stringify(name.slice(0, MAX_SHOWN)).slice(1, -1);
}
