import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commonSettings } from '../src/common-settings.js';
import { unusedParts } from '../src/config.js';
import { suspectVariables } from '../src/environment.js';
import { describeSettings, loadConfig, ServiceError } from '../src/index.js';

const settings = commonSettings({ opsPort: 9101 });

function meant(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(suspectVariables(env, describeSettings(settings)).map(({ variable, meant: best }) => [variable, best]));
}

test('a variable that looks like a setting, by its name or by the group in it', () => {
  assert.deepEqual(meant({ SSM_BROKER_LOGN: 'x', SSM_BROKR_ADDRESSES: 'x', SSM_BROKER_ADDRESSES: 'x', SSM_OPS_PROT: '1' }), {
    SSM_BROKER_LOGN: 'SSM_BROKER_LOGIN',
    SSM_BROKR_ADDRESSES: 'SSM_BROKER_...',
    SSM_BROKER_ADDRESSES: 'SSM_BROKER_...',
    SSM_OPS_PROT: 'SSM_OPS_PORT',
  });
});

test('neither settings, nor what other software sets', () => {
  assert.deepEqual(
    meant({ SSM_BROKER_PASSCODE_FILE: '/x', SSM_CONFIG: '/x', SSM_PARAMETER: 'x', SSM_AGENT_ID: 'x', BROKER_URLS: 'x' }),
    {},
  );
});

test('nothing that Kubernetes sets for a Service whose name begins with ssm', () => {
  const services = ['SSM', 'SSM_SENDER', 'SSM_BROKER', 'SSM_BROKER_URL', 'SSM_OPS', 'SSM_LOG_LEVELS'];
  const env = services.flatMap((name) => [
    [`${name}_SERVICE_HOST`, '10.0.0.1'],
    [`${name}_SERVICE_PORT`, '9100'],
    [`${name}_SERVICE_PORT_METRICS`, '9100'],
    [`${name}_PORT`, 'tcp://10.0.0.1:9100'],
    [`${name}_PORT_9100_TCP`, 'tcp://10.0.0.1:9100'],
    [`${name}_PORT_9100_TCP_PROTO`, 'tcp'],
    [`${name}_PORT_9100_TCP_PORT`, '9100'],
    [`${name}_PORT_9100_TCP_ADDR`, '10.0.0.1'],
  ]);
  assert.deepEqual(meant(Object.fromEntries(env)), {});
});

test('what is not used stands beside the faults', () => {
  const env = { SSM_BROKER_DESTINATON: '/queue/x' };
  const preset = { values: new Map(), faults: [], warnings: ['x.cfg:3 [messaging] destinaton: unknown key'] };
  const unused = [...preset.warnings, 'variable SSM_BROKER_DESTINATON: is not known; did you mean SSM_BROKER_DESTINATION?'];
  assert.deepEqual(unusedParts(settings, { env, preset }), unused);
  assert.throws(
    () => loadConfig(settings, { env, preset, args: [] }),
    (error) => {
      assert.ok(error instanceof ServiceError);
      const text = `  - broker.destination: is required with transport stomp; no source gives it\nParts of it are not used:\n  - ${unused.join('\n  - ')}`;
      assert.equal(error.message, `The configuration has a fault:\n${text}`);
      return true;
    },
  );
});
