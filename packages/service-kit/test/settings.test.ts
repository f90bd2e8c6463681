import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfigOf, commonSettings, describeSettings, setting } from '../src/index.js';
import { variableOf } from '../src/settings.js';

test('the variable follows from the key', () => {
  assert.equal(variableOf('broker.tls.serverName'), 'SSM_BROKER_TLS_SERVER_NAME');
  assert.equal(variableOf('limits.body'), 'SSM_LIMITS_BODY');
  assert.equal(variableOf('once'), 'SSM_ONCE');
  assert.equal(variableOf('verification.tripleDes'), 'SSM_VERIFICATION_TRIPLE_DES');
});

test('a description has everything that documents need', () => {
  const described = describeSettings(commonSettings({ opsPort: 9102 }));
  assert.deepEqual(
    described.find(({ key }) => key === 'broker.passcode'),
    {
      key: 'broker.passcode',
      env: 'SSM_BROKER_PASSCODE',
      doc: 'Password at the broker.',
      format: 'string',
      default: '',
      defaultText: undefined,
      secret: true,
      required: false,
      requiredFor: undefined,
    },
  );
  assert.equal(described.find(({ key }) => key === 'ops.port')?.default, 9102);
});

test('a group may have children that are named like the parts of a setting', () => {
  const keys = describeSettings({ log: { format: setting({ doc: 'x', format: 'string', default: '' }) } }).map(({ key }) => key);
  assert.deepEqual(keys, ['log.format']);
});

test('variables of the shared settings are unique, every doc is a sentence', () => {
  const described = describeSettings(commonSettings({ opsPort: 1 }));
  assert.equal(new Set(described.map(({ env }) => env)).size, described.length);
  for (const { doc, key } of described) assert.match(doc, /^[A-Z0-9].*\.$|0: off\.$/, key);
});

test('the types follow the formats', () => {
  const settings = {
    a: setting({ doc: 'x', format: 'duration', default: 1 }),
    b: {
      c: setting({ doc: 'x', format: { oneOf: ['x', 'y'] }, default: 'x' }),
      d: setting({ doc: 'x', format: 'integer', default: undefined }),
    },
  };
  const config: ConfigOf<typeof settings> = { a: 1, b: { c: 'y', d: undefined } };
  // @ts-expect-error not one of the values
  setting({ doc: 'x', format: { oneOf: ['a'] }, default: 'b' });
  // @ts-expect-error a duration is a number
  setting({ doc: 'x', format: 'duration', default: '30s' });
  // @ts-expect-error the union is kept
  const wrong: ConfigOf<typeof settings> = { a: 1, b: { c: 'z', d: undefined } };
  assert.notDeepEqual(config, wrong);
});
