import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closest } from '../src/closest.js';

const keys = ['broker.login', 'broker.passcode', 'broker.tls.serverName', 'log.level', 'limits.body'];

test('finds what was probably meant', () => {
  assert.equal(closest('broker.logn', keys), 'broker.login');
  assert.equal(closest('broker.tls.server-name', keys), 'broker.tls.serverName');
  assert.equal(closest('BROKER_TLS_SERVERNAME', keys), 'broker.tls.serverName');
  assert.equal(closest('passcode', keys), 'broker.passcode');
});

test('is silent when nothing is close', () => {
  assert.equal(closest('colour', keys), undefined);
  assert.equal(closest('', keys), undefined);
  assert.equal(closest('login', ['broker.login', 'other.login']), undefined);
});

test('a long text is compared in bounded time', () => {
  assert.equal(closest('x'.repeat(1_000_000), keys), undefined);
});
