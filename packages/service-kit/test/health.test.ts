import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHealth, watchLiveness } from '../src/health.js';
import { createLogger } from '../src/log.js';

test('ready when every component is, with the reason of each that is not', () => {
  const health = createHealth({ stuckAfterMs: 1_000 });
  assert.equal(health.ready().ready, false, 'nothing known is not ready');
  health.require('broker', 'trust');
  health.set('trust', true);
  assert.deepEqual(health.ready(), {
    ready: false,
    components: { broker: { ready: false, reason: 'not started' }, trust: { ready: true } },
  });
  health.set('broker', true);
  assert.equal(health.ready().ready, true);
  health.require('broker');
  assert.equal(health.ready().ready, true, 'requiring what is known changes nothing');
  health.set('disk', 'full');
  const { disk } = health.ready().components;
  assert.deepEqual(disk, { ready: false, reason: 'full' });
});

test('a reason has neither a secret nor a private key', () => {
  const health = createHealth({ stuckAfterMs: 1_000, secrets: ['S3cretPasscode'] });
  health.set('broker', 'refused: login:site passcode:S3cretPasscode');
  health.set('identity', 'unreadable: -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----');
  const { broker, identity } = health.ready().components;
  assert.deepEqual([broker?.reason, identity?.reason], ['refused: login:site passcode:[redacted]', 'unreadable: [redacted]']);
});

test('alive while nothing is pending, however long', () => {
  let now = 0;
  const health = createHealth({ stuckAfterMs: 1_000, now: () => now });
  assert.deepEqual(health.live(), { live: true });
  health.pending(() => false);
  now = 1e9;
  assert.deepEqual(health.live(), { live: true });
});

test('stuck when work is pending and nothing moved for so long', () => {
  let now = 0;
  let pending = true;
  const health = createHealth({ stuckAfterMs: 1_000, now: () => now });
  health.pending(() => false);
  health.pending(() => pending);
  assert.equal(health.live().live, true);
  now = 999;
  assert.equal(health.live().live, true);
  now = 1_000;
  assert.equal(health.live().live, false);
  assert.match(health.live().reason ?? '', /1 s/);
  health.moved();
  assert.equal(health.live().live, true);
  now = 2_500;
  assert.equal(health.live().live, false);
  pending = false;
  assert.equal(health.live().live, true);
});

test('an idle time before the work came does not count', () => {
  let now = 0;
  let pending = false;
  const health = createHealth({ stuckAfterMs: 1_000, now: () => now });
  health.pending(() => pending);
  health.moved();
  now = 1e6;
  pending = true;
  assert.equal(health.live().live, true);
});

test('the log says once that the service is stuck, and that it moves again, though nobody asks', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = 0;
  const pass = (ms: number): void => {
    for (const end = now + ms; now < end; t.mock.timers.tick(1_000)) now += 1_000;
  };
  const lines: string[] = [];
  const output = { write: (line: string) => void lines.push(line), dropped: 0, flush: () => Promise.resolve() };
  const log = createLogger({ service: 'test', instance: 'test', level: 'info', format: 'json', output });
  const health = createHealth({ stuckAfterMs: 60_000, now: () => now });
  t.after(watchLiveness(health, log));
  let pending = false;
  health.pending(() => pending);
  pass(600_000);
  pending = true;
  pass(59_000);
  assert.deepEqual(lines, []);
  pass(60_000);
  const said = (): unknown[] => lines.map((line) => (JSON.parse(line) as { level: unknown; msg: unknown }).level);
  assert.deepEqual(said(), ['error']);
  assert.match(lines[0] ?? '', /no stage has ended for 60 s.*"stuck"/);
  health.moved();
  pass(10_000);
  assert.deepEqual(said(), ['error', 'info']);
});
