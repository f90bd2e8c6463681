/** Which elements of a queue are meant: by name, by code, by age. */
import { type Given, type OptionSpec, type PositionalSpec, UsageError } from '../command.js';
import type { Terminal } from '../terminal.js';
import { type Element, readElement } from './element.js';
import { elementNames, type Place } from './places.js';

export const ELEMENTS: PositionalSpec = { name: 'ELEMENT', many: true, optional: true, doc: 'names, as list shows them' };
export const CODE_OPTION: OptionSpec = {
  type: 'string',
  multiple: true,
  value: 'CODE',
  doc: 'only those with this error code; may be repeated',
};
export const AGE_OPTION: OptionSpec = { type: 'string', value: 'AGE', doc: 'only those that came longer ago: 90m, 12h, 30d' };

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

export interface Selection {
  readonly names: ReadonlySet<string>;
  readonly codes: readonly string[];
  readonly before: Date | undefined;
  /** Nothing was asked for: everything is meant. */
  readonly isEverything: boolean;
}

/** Throws UsageError. */
export function selectionOf(given: Given, { now }: Terminal): Selection {
  const names = new Set(given.positionals.slice(1));
  const codes = given.texts('code');
  const age = given.text('older-than');
  const before = age === undefined ? undefined : new Date(now().getTime() - milliseconds(age));
  return { names, codes, before, isEverything: names.size === 0 && codes.length === 0 && before === undefined };
}

function milliseconds(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (digits === undefined) throw new UsageError(`--older-than: ${JSON.stringify(text)} is no age; such as 90m, 12h, 30d`);
  return Number(digits) * (UNITS[unit] ?? 0);
}

/** Those of a queue that are meant. One that is gone or damaged is told to `trouble` and left out. */
export async function* selected(
  place: Place,
  { names, codes, before }: Selection,
  trouble: (name: string, error: unknown) => void,
): AsyncGenerator<Element, void> {
  for await (const name of names.size > 0 ? names : elementNames(place)) {
    const element = await readElement(place.path, name).catch((error: unknown) => {
      trouble(name, error);
      return undefined;
    });
    if (element === undefined) continue;
    if (codes.length > 0 && !codes.includes(element.code ?? '')) continue;
    if (before !== undefined && element.time >= before) continue;
    yield element;
  }
}
