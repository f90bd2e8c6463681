import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { it } from 'node:test';
import { type Body, type IncomingFrame, readBody } from '../src/stomp/body.js';

const MiB = 1024 * 1024;

class Frame extends EventEmitter implements IncomingFrame {
  readonly command = 'MESSAGE';
  readonly headers = {};
  resume(): void {
    // It gives what the test gives.
  }
}

it('is what came, and takes no more memory than that in however many pieces it comes without its length', () => {
  const frame = new Frame();
  const whole = Buffer.from(Array.from({ length: 2 * MiB }, (_, index) => index % 251));
  const bodies: Body[] = [];
  readBody(
    frame,
    96 * MiB,
    () => undefined,
    (body) => bodies.push(body),
  );
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < whole.length; at += 1) frame.emit('data', whole.subarray(at, at + 1));
  const taken = process.memoryUsage().heapUsed - before;
  frame.emit('end');
  assert.equal(bodies.length, 1);
  assert.equal(bodies[0]!.size, whole.length);
  assert.ok(whole.equals(bodies[0]!.bytes!));
  assert.ok(taken < 64 * MiB, `${Math.round(taken / MiB)} MiB`);
});
