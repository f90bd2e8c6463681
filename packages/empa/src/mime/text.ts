/** The passes over text, and the memory that they work in. They are not re-entrant: what one has begun must be over before another begins. */
import { type Passes, PlainPasses } from './passes.js';
import { code } from './text-code.js';

/** What is needed of it: TypeScript knows it as a part of browsers only. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Passes };
};

/**
 * Those of text.wat. The same in JavaScript where these cannot be had: an x86 processor without SSE4.1, a limit on addresses (Node.js up to 22
 * reserves 10 GiB of them), no compiler (--jitless).
 */
export const text: Passes = load() ?? new PlainPasses();

function load(): Passes | undefined {
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(code)).exports;
  } catch {
    return undefined;
  }
}

/** Where a function reads, how much there is room for, and where it writes. */
export const INPUT = text.input.value;
export const INPUT_SIZE = text.inputSize.value;
export const OUTPUT = text.output.value;

/** All of the memory. */
export const memory = Buffer.from(text.memory.buffer);

/** What is from the begin of the output to there; overwritten by the next call. */
export function written(end: number): Buffer {
  return memory.subarray(OUTPUT, end);
}

/** Puts as many octets from there on into the input as it holds, around them what is around them, or 0; returns where they end in it. */
export function giveSlice(bytes: Uint8Array, from: number): number {
  const slice = bytes.subarray(from, from + INPUT_SIZE);
  const end = INPUT + slice.length;
  memory[INPUT - 1] = bytes[from - 1] ?? 0;
  memory.set(slice, INPUT);
  memory[end] = bytes[from + slice.length] ?? 0;
  return end;
}

/**
 * Puts the parts one behind the other into the input, `size` octets at once and in front of them the one that came before, and calls `work`
 * with where they end. What is behind them there is not theirs.
 */
export function eachFilling(parts: readonly Uint8Array[], size: number, work: (end: number) => void): void {
  let end = INPUT;
  memory[INPUT - 1] = 0;
  for (const part of parts)
    for (let at = 0; at < part.length; ) {
      const slice = part.subarray(at, at + size - (end - INPUT));
      memory.set(slice, end);
      at += slice.length;
      end += slice.length;
      if (end < INPUT + size) continue;
      const last = memory[end - 1] ?? 0;
      work(end);
      memory[INPUT - 1] = last;
      end = INPUT;
    }
  if (end > INPUT) work(end);
}
