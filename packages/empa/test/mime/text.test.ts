import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { decodeBase64, encodeBase64 } from '../../src/mime/base64.js';
import { eachCanonicalPiece, toCrlf } from '../../src/mime/line-ends.js';
import { type Passes, PlainPasses } from '../../src/mime/passes.js';
import { INPUT, INPUT_SIZE, memory, OUTPUT, text } from '../../src/mime/text.js';

const plain = new PlainPasses();
const plainMemory = Buffer.from(plain.memory.buffer);

/** What a pass comes to: what it returns, what it wrote, and what the base64 reader has begun. */
type Outcome = readonly [number, Buffer, number, number, number];

function outcome(passes: Passes, all: Buffer, pass: (passes: Passes) => number): Outcome {
  const end = pass(passes);
  // A count is no address.
  return [end, Buffer.from(all.subarray(OUTPUT, Math.max(OUTPUT, end))), passes.bits.value, passes.padding.value, passes.pending.value];
}

/** Both have the same in their memory, and begin with the same state. */
function same(content: Buffer, from: number, state: { readonly bits: number; readonly padding: number }): void {
  const to = from + content.length;
  const [line, whole] = [content.length % 7, content.length - (content.length % 48)];
  const passes: ((passes: Passes) => number)[] = [
    (one) => one.sevenBit(from, to, line, 20),
    (one) => one.countLoneFeeds(from, to),
    (one) => one.toCrlf(from, to, OUTPUT),
    (one) => one.countPairs(from, to),
    (one) => one.toLf(from, to, OUTPUT),
    (one) => one.encodeLines(from, from + whole, OUTPUT),
    (one) => one.decode(from, to, OUTPUT),
  ];
  for (const pass of passes) {
    for (const one of [text, plain]) {
      one.bits.value = state.bits;
      one.padding.value = state.padding;
      one.pending.value = 0x2a;
    }
    content.copy(memory, from);
    memory.copy(plainMemory, 0, 0, OUTPUT);
    assert.deepEqual(outcome(text, memory, pass), outcome(plain, plainMemory, pass), `${String(pass)} of ${content.toString('base64')}`);
  }
}

describe('the passes over text', () => {
  it('are those of WebAssembly here, in the same memory', () => {
    assert.ok(!(text instanceof PlainPasses));
    assert.deepEqual([INPUT, INPUT_SIZE, OUTPUT], [plain.input.value, plain.inputSize.value, plain.output.value]);
    assert.equal(text.values.value, plain.values.value);
    assert.equal(memory.length, plainMemory.length);
  });

  it('do the same in WebAssembly and in JavaScript', () => {
    const lines = fc.constantFrom(0x0a, 0x0d, 0x20, 0x09, 0x61);
    const base64 = fc.constantFrom(...Buffer.from('ABYZabyz0189+/ABYZabyz0189+/\n='));
    const octets = fc.oneof(
      fc.array(lines, { maxLength: 100 }),
      fc.array(base64, { maxLength: 200 }),
      fc.array(fc.constantFrom(...Buffer.from('azAZ09+/')), { maxLength: 200 }),
      fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 100 }),
    );
    const state = fc.record({ bits: fc.constantFrom(0, 2, 4, 6), padding: fc.constantFrom(0, 0, 0, 1) });
    const around = fc.constantFrom(0x0a, 0x0d, 0x20, 0x61, 0x3d);
    fc.assert(
      fc.property(octets, state, fc.nat(20), around, (list, begun, shift, rest) => {
        memory.fill(rest, INPUT - 20, INPUT + 400);
        same(Buffer.from(list), INPUT + shift, begun);
      }),
      { numRuns: 20_000 },
    );
  });

  it('may be used while a piece is worked on', () => {
    const body = Buffer.from(`${'a'.repeat(INPUT_SIZE - 1)}\r\nb`);
    const pieces: Buffer[] = [];
    eachCanonicalPiece([body], (piece) => {
      pieces.push(Buffer.from(piece));
      toCrlf(Buffer.alloc(INPUT_SIZE, 'x'));
    });
    assert.ok(Buffer.concat(pieces).equals(body));
  });

  it('are there where WebAssembly is not', () => {
    const octets = Buffer.alloc(100_000, 'a\n\x80');
    const [textModule, base64Module] = ['text', 'base64'].map((name) => new URL(`../../src/mime/${name}.js`, import.meta.url).href);
    const script = `const { text } = await import(${JSON.stringify(textModule)});
      const { encodeBase64 } = await import(${JSON.stringify(base64Module)});
      process.stdout.write(text.constructor.name + encodeBase64([Buffer.alloc(100_000, 'a\\n\\x80')]));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--jitless', '--input-type=module', '--eval', script], { encoding: 'utf8' });
    assert.equal(stdout.slice(0, 11), 'PlainPasses', stderr);
    assert.ok(decodeBase64(Buffer.from(stdout.slice(11))).equals(octets));
    assert.equal(stdout.slice(11), encodeBase64([octets]).toString());
  });
});
