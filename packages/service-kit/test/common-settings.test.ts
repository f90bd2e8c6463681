import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amsLogin } from '../src/ams-settings.js';
import { formatValue, parseSetting } from '../src/formats.js';
import { commonSettings, describeSettings, loadConfig } from '../src/index.js';
import { listSettings } from '../src/settings.js';

const settings = commonSettings({ opsPort: 9101 });
const load = (args: readonly string[]) => loadConfig(settings, { env: {}, args: ['--broker.destination=/queue/a', ...args] });

const without = (...args: readonly string[]) => loadConfig(settings, { env: {}, args });
const ams = (...args: readonly string[]) => load(args).ams;

test('every default would be accepted if it were given', () => {
  for (const [key, setting] of listSettings(settings)) {
    const text = formatValue(setting.format, setting.default);
    if (setting.required === true && text === '') continue;
    const parsed = parseSetting(setting, text);
    assert.ok('value' in parsed, key);
    assert.deepEqual(parsed.value, setting.default, key);
  }
});

test('the documented defaults', () => {
  const defaults = Object.fromEntries(
    describeSettings(settings).map(({ key, format, default: value }) => [key, formatValue(format, value)]),
  );
  const expected = {
    'broker.window': '100',
    'broker.byteBudget': '64MiB',
    'broker.connectTimeout': '10s',
    'broker.receiptTimeout': '30s',
    'broker.heartbeat': '10s',
    'broker.backoff.initial': '500ms',
    'broker.backoff.maximum': '30s',
    'limits.body': '20MiB',
    'limits.message': '96MiB',
    'shutdown.drain': '25s',
    'trust.maximumAge': '1m',
    'ops.host': '127.0.0.1',
    'liveness.stuckAfter': '5m',
  };
  for (const [key, value] of Object.entries(expected)) assert.equal(defaults[key], value, key);
});

test('what a transport needs is asked for with this transport only', () => {
  assert.throws(() => without(), {
    code: 'config-invalid',
    message: /- broker\.destination: is required with transport stomp; no source gives it$/,
  });
  assert.throws(() => without('--transport=ams', '--ams.host='), {
    message: /option --ams\.host: is empty; ams\.host is required with transport ams\n {2}- ams\.project: is required/,
  });
  assert.equal(without('--transport=ams', '--ams.host=a', '--ams.project=p').ams.port, 443);
  assert.equal(load([]).transport, 'stomp');
});

test('how to get into AMS', () => {
  assert.deepEqual(amsLogin(ams()), { type: 'x509', port: 8443 });
  assert.deepEqual(amsLogin(ams('--ams.token=t')), { type: 'token', token: 't' });
  assert.deepEqual(amsLogin(ams('--ams.token=t', '--ams.authentication=x509', '--ams.authPort=1')), { type: 'x509', port: 1 });
  assert.throws(() => amsLogin(ams('--ams.authentication=token')), { code: 'config-invalid', message: /^ams\.token: is required/ });
});

test('broker URLs', () => {
  for (const url of ['stomp://a:1', 'stomp+ssl://broker.example.org:61613', 'stomp+ssl://[::1]:61613', 'stomp://10.0.0.1:61613/'])
    assert.deepEqual(load([`--broker.urls=${url}`]).broker.urls, [url]);
  for (const url of ['tcp://a:1', 'ssl://a:1', 'stomp://a', 'stomp://u:p@a:1', 'a:1', 'stomp://a:1/x', 'stomp+ssl://a:b', ''])
    assert.throws(() => load([`--broker.urls=${url}`]), { code: 'config-invalid' }, url);
});

test('instances are names, because they become parts of paths', () => {
  assert.equal(load(['--instance=ssm-sender-0.site']).instance, 'ssm-sender-0.site');
  for (const name of ['', '..', '.x', 'a/b', 'a b', 'x'.repeat(65)])
    assert.throws(() => load([`--instance=${name}`]), { code: 'config-invalid' }, name);
});
