import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { fileOutput, standardOutput, streamOutput } from '../src/log-output.js';

/** A reader that reads nothing until it is told to. */
class Stuck extends Writable {
  #pending: (() => void)[] = [];
  written = '';
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written += chunk.toString();
    this.#pending.push(done);
  }
  async readAll(): Promise<void> {
    while (this.#pending.length > 0) {
      this.#pending.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test('a reader that is slow costs memory up to the limit, then lines are dropped, later ones arrive', async () => {
  const stream = new Stuck();
  const output = streamOutput(stream, 1_000);
  for (let count = 0; count < 1_000; count += 1) output.write(`${'x'.repeat(99)}\n`);
  assert.equal(stream.writableLength, 1_000);
  assert.equal(output.dropped, 990);
  await stream.readAll();
  output.write('later\n');
  await stream.readAll();
  assert.equal(output.dropped, 990);
  assert.match(stream.written, /later\n$/);
});

test('flush waits for the reader, and not longer than it is told', async () => {
  const stream = new Stuck();
  const output = streamOutput(stream);
  await output.flush(0);
  output.write('a\n');
  await output.flush(5);
  const flushed = output.flush(60_000);
  await stream.readAll();
  await flushed;
});

test('a reader that went away drops everything and throws nothing', async () => {
  const stream = new PassThrough();
  const output = streamOutput(stream);
  stream.destroy(new Error('EPIPE'));
  await new Promise((resolve) => setImmediate(resolve));
  output.write('a\n');
  output.write('b\n');
  await output.flush(60_000);
  assert.equal(output.dropped, 2);
});

test('a file is written at once; a full disk costs lines, not the process', (t) => {
  const file = path.join(temporaryDirectory(t), 'log');
  const descriptor = openSync(file, 'a');
  const output = fileOutput(descriptor);
  output.write('a\n');
  assert.equal(readFileSync(file, 'utf8'), 'a\n');
  closeSync(descriptor);
  output.write('closed\n');
  assert.equal(output.dropped, 1);
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  const toFull = fileOutput(full);
  toFull.write('a\n');
  assert.equal(toFull.dropped, 1);
});

test('a descriptor of a file is written to directly, everything else through the stream', async (t) => {
  const file = path.join(temporaryDirectory(t), 'log');
  const fd = openSync(file, 'a');
  t.after(() => closeSync(fd));
  const stream = new PassThrough();
  standardOutput(Object.assign(stream, { fd })).write('a\n');
  assert.equal(readFileSync(file, 'utf8'), 'a\n');
  standardOutput(Object.assign(new PassThrough(), { fd: 99_999 })).write('b\n');
  const plain = new PassThrough();
  standardOutput(plain).write('c\n');
  assert.equal(String(plain.read()), 'c\n');
});
