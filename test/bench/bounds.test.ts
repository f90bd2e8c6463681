import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allowed, boundsOf, LIMIT, quickerKey } from './bounds.js';
import type { Load } from './plan.js';

const SMALL: Load = { bytes: 1024, encrypted: false, key: 'RSA', tls: false };
const LARGE: Load = { ...SMALL, bytes: 102_400 };
const bounds = (...[service, load]: Parameters<typeof boundsOf>) =>
  boundsOf(service, load).map(({ of, share, lowestOnly }) => [of, share, lowestOnly]);

const signing = (rsa: number, ec: number) =>
  new Map([
    [LIMIT.sign.RSA, rsa],
    [LIMIT.sign['P-256'], ec],
  ]);

describe('what a service is held against', () => {
  it('is signing for a sender of small messages, encrypted or not', () => {
    for (const encrypted of [false, true]) assert.deepEqual(bounds('sender', { ...SMALL, encrypted }), [[LIMIT.sign.RSA, 0.45, false]]);
  });

  it('is shown and not judged for EC signatures', () => {
    assert.deepEqual(bounds('sender', { ...SMALL, key: 'P-256' }), [[LIMIT.sign['P-256'], null, false]]);
    assert.ok(bounds('sender', { ...LARGE, key: 'P-256' }).every(([, share]) => share === null));
  });

  it('is durable adds for a receiver, or decryption where that is the lower', () => {
    assert.deepEqual(bounds('receiver', SMALL), [[LIMIT.durable(1024), 0.5, true]]);
    assert.deepEqual(bounds('receiver', { ...SMALL, encrypted: true }), [
      [LIMIT.durable(1024), 0.5, true],
      [LIMIT.decrypt, 0.5, true],
    ]);
  });

  it('is the lowest of bytes and the others for large messages, by the passes that they need', () => {
    assert.deepEqual(bounds('sender', LARGE), [
      [LIMIT.digest, 0.6, true],
      [LIMIT.sign.RSA, 0.45, true],
    ]);
    assert.deepEqual(bounds('sender', { ...LARGE, encrypted: true })[0], [LIMIT.seal, 0.6, true]);
    assert.deepEqual(
      bounds('receiver', { ...LARGE, encrypted: true }).map(([of]) => of),
      [LIMIT.durable(102_400), LIMIT.decrypt, LIMIT.unseal],
    );
  });

  it('is counted in messages, also where it was measured in bytes', () => {
    const limits = new Map([
      [LIMIT.seal, 204_800],
      [LIMIT.decrypt, 3000],
    ]);
    assert.equal(allowed(LIMIT.seal, LARGE, limits), 2);
    assert.equal(allowed(LIMIT.decrypt, LARGE, limits), 3000);
    assert.ok(Number.isNaN(allowed(LIMIT.digest, LARGE, limits)));
  });

  it('knows which signatures are the quicker ones', () => {
    assert.equal(quickerKey(signing(6000, 30_000)), 'P-256');
    assert.equal(quickerKey(signing(6000, 5000)), 'RSA');
  });
});
