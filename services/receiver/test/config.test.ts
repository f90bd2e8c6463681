import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '@ssm/service-kit';
import { checkConfig, type ReceiverConfig, receiverSettings } from '../src/config.js';

function load(...args: readonly string[]): ReceiverConfig {
  return loadConfig(receiverSettings, { env: {}, args: ['--broker.destination=/queue/x', ...args] });
}

describe('receiverSettings', () => {
  it('has the documented defaults', () => {
    const { deduplication, incoming, ops, reject, trust, verification, window } = load();
    assert.equal(ops.port, 9102);
    assert.equal(incoming.path, '/var/spool/apel/incoming');
    assert.equal(incoming.reserve, 64 * 1024 * 1024);
    assert.equal(incoming.fileMode, undefined);
    assert.equal(reject.maximumBytes, 1024 * 1024 * 1024);
    assert.equal(reject.maximumCount, 100_000);
    assert.equal(deduplication.window, 7 * 24 * 3600 * 1000);
    assert.equal(verification.maximumAge, 0);
    assert.equal(trust.crl, 'if-present');
    assert.equal(window, 100);
  });

  it('refuses identities that are not pairs', () => {
    assert.throws(() => load('--decryption.identities=/a/cert.pem'), { code: 'config-invalid' });
    assert.deepEqual(load('--decryption.identities=/a.pem:/a.key,/b.pem:/b.key').decryption.identities, ['/a.pem:/a.key', '/b.pem:/b.key']);
  });

  it('refuses one directory for what was accepted and what was refused', () => {
    assert.throws(() => checkConfig(load('--incoming.path=/q', '--reject.path=/q')), { code: 'config-invalid' });
    checkConfig(load());
  });
});
