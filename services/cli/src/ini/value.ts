/** Values with `%%` and `%(name)s` put in, as Python's BasicInterpolation does it when a value is asked for. */
import type { IniEntry, IniFile, IniSection } from './parse.js';

const MAXIMUM_DEPTH = 10;
const REFERENCE = /^%\(([^)]+)\)s/;

export type IniValue = { readonly line: number; readonly text: string } | { readonly line: number; readonly fault: string };

/** undefined: the section is not there, or neither it nor DEFAULT has the key. */
export function iniValue({ sections, defaults }: IniFile, section: string, key: string): IniValue | undefined {
  const own = sections.get(section);
  const entry = own?.get(key) ?? (own === undefined ? undefined : defaults.get(key));
  if (own === undefined || entry === undefined) return undefined;
  const { line, raw } = entry;
  try {
    return { line, text: interpolate(raw, { own, defaults, depth: 1 }) };
  } catch (error) {
    if (!(error instanceof Unresolved)) throw error;
    return { line, fault: error.message };
  }
}

interface Scope {
  readonly own: IniSection;
  readonly defaults: IniSection;
  readonly depth: number;
}

class Unresolved extends Error {}

function interpolate(raw: string, scope: Scope): string {
  if (scope.depth > MAXIMUM_DEPTH) throw new Unresolved(`%(...)s leads to more than ${MAXIMUM_DEPTH} others in a row`);
  let text = '';
  let rest = raw;
  for (let at = rest.indexOf('%'); at >= 0; at = rest.indexOf('%')) {
    const { put, length } = partAt(rest.slice(at), scope);
    text += rest.slice(0, at) + put;
    rest = rest.slice(at + length);
  }
  return text + rest;
}

/** What stands at a percent sign. */
function partAt(text: string, scope: Scope): { readonly put: string; readonly length: number } {
  if (text.startsWith('%%')) return { put: '%', length: 2 };
  const [reference, name] = REFERENCE.exec(text) ?? [];
  if (reference === undefined || name === undefined)
    throw new Unresolved('has a single %: write %% for a percent sign, %(name)s for the value of another key');
  const entry = find(name.toLowerCase(), scope);
  if (entry === undefined) throw new Unresolved(`%(${name})s: there is no such key in the section or in DEFAULT`);
  return {
    put: entry.raw.includes('%') ? interpolate(entry.raw, { ...scope, depth: scope.depth + 1 }) : entry.raw,
    length: reference.length,
  };
}

function find(name: string, { own, defaults }: Scope): IniEntry | undefined {
  return own.get(name) ?? defaults.get(name);
}
