import type { Seeded } from './seeded.js';

/** A file that was handed to a sender. */
export interface SentFile {
  /** Its name in the outgoing volume, which the receiver stores as `empaid`. */
  readonly id: string;
  readonly hash: string;
  readonly bytes: number;
}

/** An element as it was found in a queue. */
export interface FoundElement {
  readonly id: string;
  readonly hash: string;
  /** Folder of the element. */
  readonly path: string;
}

/** How it ended. The lists hold ids (of what is extra: the elements' folders). */
export interface Tally {
  readonly sent: number;
  readonly arrived: number;
  readonly lost: readonly string[];
  readonly altered: readonly string[];
  readonly duplicated: readonly string[];
  readonly extra: readonly string[];
}

/**
 * Compares what was sent with what was found, byte for byte by SHA-256. A file has arrived when at least one element with its id has its
 * bytes; it is altered when one has its id and other bytes, duplicated when more than one has its id.
 */
export function tally(sent: readonly SentFile[], found: readonly FoundElement[]): Tally {
  const byId = new Map<string, FoundElement[]>();
  for (const element of found) byId.set(element.id, [...(byId.get(element.id) ?? []), element]);
  const known = new Set(sent.map(({ id }) => id));
  if (known.size < sent.length) throw new Error('two files were sent under one name: they cannot be told apart');
  const elementsOf = ({ id }: SentFile): readonly FoundElement[] => byId.get(id) ?? [];
  const idsWhere = (is: (file: SentFile) => boolean): string[] => sent.filter(is).map(({ id }) => id);
  const hasArrived = (file: SentFile): boolean => elementsOf(file).some(({ hash }) => hash === file.hash);
  return {
    sent: sent.length,
    arrived: sent.filter(hasArrived).length,
    lost: idsWhere((file) => elementsOf(file).length === 0),
    altered: idsWhere((file) => elementsOf(file).some(({ hash }) => hash !== file.hash)),
    duplicated: idsWhere((file) => elementsOf(file).length > 1),
    extra: found.filter(({ id }) => !known.has(id)).map(({ path }) => path),
  };
}

/** Sizes as records have them: from nothing to `largest` bytes, small ones more often. */
export function someSize(random: Seeded, largest: number): number {
  return Math.floor(random.next() ** 3 * (largest + 1));
}
