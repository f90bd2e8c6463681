import { createCipheriv, createHash } from 'node:crypto';

/** Numbers and bytes that look random and are the same again for the same seed. */
export interface Seeded {
  readonly seed: string;
  /** From 0 up to, and not including, 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  pick<T>(choices: readonly T[]): T;
  bytes(length: number): Buffer;
}

export function seeded(seed: string): Seeded {
  const key = createHash('sha256').update(seed).digest();
  const stream = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16));
  const bytes = (length: number): Buffer => stream.update(Buffer.alloc(length));
  const next = (): number => bytes(4).readUInt32BE() / 2 ** 32;
  return {
    seed,
    next,
    bytes,
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    pick: (choices) => {
      const choice = choices[Math.floor(next() * choices.length)];
      if (choice === undefined) throw new RangeError('nothing to choose from');
      return choice;
    },
  };
}
