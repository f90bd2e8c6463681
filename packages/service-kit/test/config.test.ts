import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { commonSettings } from '../src/common-settings.js';
import { commandLineFaults, loadConfig } from '../src/config.js';
import { type ConfigSources, ServiceError, setting, sourceOf } from '../src/index.js';

const settings = {
  ...commonSettings({ opsPort: 9101 }),
  outgoing: { fileMode: setting({ doc: 'Mode.', format: 'mode', default: undefined }) },
  once: setting({ doc: 'Once.', format: 'boolean', default: false }),
};
const needed = ['--broker.destination=/queue/a'];

function load(sources: Partial<ConfigSources>): ReturnType<typeof loadConfig<typeof settings>> {
  return loadConfig(settings, { env: {}, ...sources, args: [...needed, ...(sources.args ?? [])] });
}

/** The message of the fault; asserts its code. */
function faultOf(sources: Partial<ConfigSources>, code = 'config-invalid'): string {
  try {
    load(sources);
  } catch (error) {
    assert.ok(error instanceof ServiceError);
    assert.equal(error.code, code);
    return error.message;
  }
  return assert.fail('no fault');
}

test('defaults, with types that follow the formats', () => {
  const config = load({});
  const mode: number | undefined = config.outgoing.fileMode;
  const crl: 'off' | 'if-present' | 'require' = config.trust.crl;
  const urls: readonly string[] = config.broker.urls;
  assert.equal(mode, undefined);
  assert.equal(crl, 'if-present');
  assert.deepEqual(urls, ['stomp+ssl://localhost:61613']);
  assert.equal(config.broker.connectTimeout, 10_000);
  assert.equal(config.ops.port, 9101);
});

test('the file weighs least, the command line most', () => {
  const fileText = 'broker: { window: 1, login: file, virtualHost: file }';
  const config = load({ fileText, env: { SSM_BROKER_WINDOW: '2', SSM_BROKER_LOGIN: 'env' }, args: ['--broker.window=3'] });
  assert.equal(config.broker.window, 3);
  assert.equal(config.broker.login, 'env');
  assert.equal(config.broker.virtualHost, 'file');
});

test('a value that a weightier source replaces is not judged', () => {
  assert.equal(load({ fileText: 'broker: { window: none }', args: ['--broker.window=3'] }).broker.window, 3);
});

test('the same file in YAML and in JSON, with tabs, comments, null and a byte order mark', () => {
  const yaml = '# comment\nbroker:\n  urls:\n    - stomp://a:1\n    - stomp+ssl://b:2\n  tls:\n  login: ~\nonce: yes\n';
  const json =
    '\ufeff{\n\t"broker": {\n\t\t"urls": ["stomp://a:1", "stomp+ssl://b:2"],\n\t\t"tls": null,\n\t\t"login": null\n\t},\n\t"once": true\n}\n';
  assert.deepEqual(load({ fileText: yaml }), load({ fileText: json }));
  assert.deepEqual(load({ fileText: yaml }).broker.urls, ['stomp://a:1', 'stomp+ssl://b:2']);
  assert.deepEqual(load({ fileText: '' }), load({}));
});

test('a text stays as it was written, whatever it looks like', () => {
  for (const passcode of ['0123', '1e3', '0x1F', 'true', '12345678901234567890', '1.50', '=x', 'a=b']) {
    assert.equal(load({ fileText: `broker: { passcode: ${passcode} }` }).broker.passcode, passcode);
    assert.equal(load({ fileText: `broker: { passcode: "${passcode}" }` }).broker.passcode, passcode);
    assert.equal(load({ env: { SSM_BROKER_PASSCODE: passcode } }).broker.passcode, passcode);
    assert.equal(load({ args: [`--broker.passcode=${passcode}`] }).broker.passcode, passcode);
    assert.equal(load({ args: ['--broker.passcode', passcode] }).broker.passcode, passcode);
  }
  assert.equal(load({ fileText: 'broker: { passcode: "null" }' }).broker.passcode, 'null');
});

test('an octal mode means the same in every source', () => {
  assert.equal(load({ fileText: 'outgoing: { fileMode: 0640 }' }).outgoing.fileMode, 0o640);
  assert.equal(load({ fileText: '{"outgoing":{"fileMode":"0640"}}' }).outgoing.fileMode, 0o640);
  assert.equal(load({ env: { SSM_OUTGOING_FILE_MODE: '0640' } }).outgoing.fileMode, 0o640);
  assert.match(faultOf({ fileText: '{"outgoing":{"fileMode":416}}' }), /outgoing\.fileMode/);
});

test('options: with =, with a space, switches, lists by several', () => {
  assert.equal(load({ args: ['--once'] }).once, true);
  assert.equal(load({ env: { SSM_ONCE: 'true' }, args: ['--no-once'] }).once, false);
  assert.equal(load({ args: ['--once=false'] }).once, false);
  assert.equal(load({ args: ['--broker.heartbeat', '5s'] }).broker.heartbeat, 5_000);
  assert.deepEqual(load({ args: ['--broker.headers=a=b', '--broker.headers', 'c=d,e=f'] }).broker.headers, ['a=b', 'c=d', 'e=f']);
  assert.equal(load({ args: ['--broker.passcode=--x'] }).broker.passcode, '--x');
});

test('every fault is told at once, with its source and what is allowed', () => {
  const message = faultOf({
    file: 'ssm.yaml',
    fileText:
      'brokr: { a: b }\nlogin: x\nbroker: { tls: 5, connectTimeout: { a: b }, heartbeat: soon }\n__proto__: { a: b }\nconstructor: { prototype: { a: b } }',
    env: { SSM_BROKER_WINDOW: '0', SSM_LOG_LEVEL: 'loud' },
    args: ['--broker.logn=x', '--once', '--once', '--no-broker.login', '--ops.port', '--limits.body=1M'],
  });
  const expected = [
    'file ssm.yaml: brokr: unknown key; did you mean broker?',
    'file ssm.yaml: login: unknown key; did you mean broker.login?',
    'file ssm.yaml: broker.tls: must be a mapping',
    'file ssm.yaml: broker.connectTimeout: must be a value',
    'file ssm.yaml: broker.heartbeat: "soon" is not allowed; allowed: a duration',
    'file ssm.yaml: __proto__: unknown key',
    'file ssm.yaml: constructor: unknown key',
    'variable SSM_BROKER_WINDOW: "0" is not allowed; allowed: a whole number, 1 to',
    'variable SSM_LOG_LEVEL: "loud" is not allowed; allowed: one of debug, info, warn, error',
    'option --broker.logn: unknown; did you mean --broker.login?',
    'option --once: given more than once',
    'option --no-broker.login: unknown',
    'option --ops.port: needs a value',
    'option --limits.body: "1M" is not allowed',
  ];
  for (const text of expected) assert.ok(message.includes(`- ${text}`), `${text}\nin\n${message}`);
  assert.equal(message.split('\n').length, 1 + expected.length, message);
});

test('nothing is inherited by the configuration', () => {
  assert.equal(({} as { a?: string }).a, undefined);
  assert.throws(() => load({ fileText: '{"broker":{"__proto__":{"a":"b"}}}' }));
  assert.equal(({} as { a?: string }).a, undefined);
});

test('a required setting that no source gives, or gives empty', () => {
  assert.throws(() => loadConfig(settings, { env: {}, args: [] }), { code: 'config-invalid', message: /broker\.destination: is required/ });
  assert.throws(() => loadConfig(settings, { env: { SSM_BROKER_DESTINATION: '' }, args: [] }), { code: 'config-invalid' });
});

test('no fault shows a secret', () => {
  const secret = 'hunter2-hunter2';
  const sources: Partial<ConfigSources>[] = [
    { args: ['--broker.passcod', secret] },
    { args: [`--broker.passcod=${secret}`] },
    { args: [secret] },
    { fileText: `broker: { passcode: [${secret}] }` },
    { fileText: `broker: { passcod: ${secret} }` },
    { args: [`--broker.urls=stomp://user:${secret}@host:1`] },
    { env: { SSM_BROKER_PASSCODE: `${secret}\0` } },
  ];
  for (const source of sources) assert.ok(!faultOf(source).includes(secret), JSON.stringify(source));
  for (const fileText of [
    `broker:\n  passcode: *${secret}\n`,
    `passcode: "${secret}\n`,
    `a: @${secret}`,
    `a: !${secret} x`,
    `${secret}: 1\n${secret}: 2`,
  ])
    assert.ok(!faultOf({ fileText }, 'config-unreadable').includes(secret), fileText);
});

test('no fault shows the password of a URL, whatever is in it', () => {
  for (const password of ['a/geheim', 'geheim@a', '/@geheim', 'a,geheim', 'a geheim', 'a"geheim', 'geheim\\'])
    for (const urls of [
      `stomp://u:${password}@h:1`,
      `stomp://a:1,stomp://u:${password}@h:1`,
      `stomp+ssl://u:${password}@h:1, stomp://a:1`,
    ]) {
      const given = [
        faultOf({ args: [`--broker.urls=${urls}`] }),
        faultOf({ fileText: JSON.stringify({ broker: { urls: [urls] } }) }),
        faultOf({ env: { SSM_BROKER_URLS: urls } }),
      ];
      for (const fault of given) {
        assert.doesNotMatch(fault, /geheim/);
        assert.match(fault, /stomp(?:\+ssl)?:\/\/\*\*\*@h:1/);
      }
      if (urls.includes('a:1')) assert.match(given[0] ?? '', /stomp:\/\/a:1/);
    }
});

test('nor that of a URL without its scheme', () => {
  assert.match(faultOf({ args: ['--broker.urls=u:geheim@h:1'] }), /broker\.urls: "\*\*\*@h:1" is not allowed/);
  assert.match(faultOf({ args: ['--broker.urls=u@h:1,h'] }), /"u@h:1,h" is not allowed/);
});

test('brokers are hosts and ports', () => {
  for (const url of ['stomp://h:1', 'stomp+ssl://h.example.org:65535/', 'stomp://[::1]:61613'])
    assert.deepEqual(load({ args: [`--broker.urls=${url}`] }).broker.urls, [url]);
  for (const url of [
    'stomp://h:0',
    'stomp://h:65536',
    'stomp+ssl://h:99999',
    'stomp://h',
    'http://h:1',
    'stomp://::1:1',
    'stomp://h^:1',
    'stomp://[x]:1',
  ])
    assert.match(faultOf({ args: [`--broker.urls=${url}`] }), /option --broker\.urls: .*PORT from 1 to 65535/, url);
});

test('what is required with a choice and is empty: where it is so', () => {
  const preset = { values: new Map([['broker.destination', { source: 'x.cfg:3', raw: '' }]]), faults: [], warnings: [] };
  assert.throws(() => loadConfig(settings, { preset, env: {}, args: [] }), {
    message: /- x\.cfg:3: is empty; broker\.destination is required with transport stomp$/,
  });
  const fileText = 'broker: { destination: /queue/a }';
  assert.throws(() => loadConfig(settings, { fileText, env: { SSM_BROKER_DESTINATION: '' }, args: [] }), {
    message: /- variable SSM_BROKER_DESTINATION: is empty; broker\.destination is required with transport stomp$/,
  });
});

test('a key as documents write it is to be nested', () => {
  assert.match(
    faultOf({ fileText: 'broker.destination: /q' }),
    /: broker\.destination: keys are nested in a file: broker: \{ destination: \.\.\. \}$/,
  );
  assert.match(
    faultOf({ fileText: 'broker: { tls.ca: /q }' }),
    /: broker\.tls\.ca: keys are nested in a file: broker: \{ tls: \{ ca: \.\.\. \} \}$/,
  );
  assert.match(faultOf({ fileText: 'broker.destinatoin: /q' }), /unknown key/);
});

test('faults of the command line by itself', () => {
  assert.deepEqual(commandLineFaults(settings, []), []);
  assert.deepEqual(commandLineFaults(settings, ['--once', '--ops.port=0', '--broker.login=']), []);
  assert.deepEqual(commandLineFaults(settings, ['x', '--opss.port=1', '--ops.port=x']), [
    'argument 1: not an option; options begin with --',
    'option --opss.port: unknown; did you mean --ops.port?',
    'option --ops.port: "x" is not allowed; allowed: a port number, 0 to 65535',
  ]);
});

test('a secret from a file loses one newline', (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, 'passcode');
  for (const [text, value] of [
    ['geheim\n', 'geheim'],
    ['geheim\r\n', 'geheim'],
    ['geheim\n\n', 'geheim\n'],
    [' geheim', ' geheim'],
  ] as const) {
    writeFileSync(file, text);
    assert.equal(load({ env: { SSM_BROKER_PASSCODE_FILE: file } }).broker.passcode, value);
  }
});

test('faults of secret files', (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, 'passcode');
  writeFileSync(file, 'geheim');
  const both = faultOf({ env: { SSM_BROKER_PASSCODE: 'a', SSM_BROKER_PASSCODE_FILE: file } });
  assert.match(both, /variable SSM_BROKER_PASSCODE_FILE: SSM_BROKER_PASSCODE is set as well/);
  assert.match(faultOf({ env: { SSM_BROKER_PASSCODE_FILE: path.join(directory, 'none') } }), /cannot read .*ENOENT/);
  writeFileSync(file, 'x'.repeat(65 * 1024));
  assert.match(faultOf({ env: { SSM_BROKER_PASSCODE_FILE: file } }), /larger than/);
  assert.equal(load({ env: { SSM_BROKER_LOGIN_FILE: file } }).broker.login, '', 'only secrets have the _FILE variant');
});

test('a file that cannot be read or parsed', (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, 'ssm.yaml');
  faultOf({ file }, 'config-unreadable');
  faultOf({ file: directory }, 'config-unreadable');
  writeFileSync(file, 'broker:\n  login: a\n broken');
  assert.match(faultOf({ file }, 'config-unreadable'), /line 3/);
  writeFileSync(file, Buffer.from([0x61, 0x3a, 0x20, 0xff]));
  faultOf({ file }, 'config-unreadable');
  writeFileSync(file, `a: ${'x'.repeat(1024 * 1024)}`);
  faultOf({ file }, 'config-unreadable');
  writeFileSync(file, 'broker: { login: a }');
  assert.equal(load({ file }).broker.login, 'a');
  chmodSync(file, 0o600);
});

test('hostile YAML is refused: many aliases, several documents, duplicate keys, tags', () => {
  const laughs = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghij'.split('').map((name, i) => `${name}: &${name} [${`*${'abcdefghij'[i]},`.repeat(9)}]`),
  ];
  faultOf({ fileText: laughs.join('\n') }, 'config-unreadable');
  faultOf({ fileText: 'a: 1\n---\nb: 2\n' }, 'config-unreadable');
  faultOf({ fileText: 'once: true\nonce: false\n' }, 'config-unreadable');
  faultOf({ fileText: '{"once": true, "once": false}' }, 'config-unreadable');
  faultOf({ fileText: 'a: !!js/function "x"' }, 'config-unreadable');
  faultOf({ fileText: '['.repeat(100_000) }, 'config-unreadable');
});

test('a file that is no mapping', () => {
  for (const fileText of ['- a', 'text', '5', '[]']) assert.match(faultOf({ fileText }), /must be a mapping/);
});

test('a preset weighs less than every other source, and its faults join theirs', () => {
  const values = new Map([
    ['broker.login', { source: 'sender.cfg:3', raw: 'preset' }],
    ['broker.window', { source: 'sender.cfg:4', raw: 'many' }],
    ['encryption.recipients', { source: 'sender.cfg:5', raw: ['a'] }],
  ]);
  const preset = { values, faults: ['sender.cfg:9: bad'], warnings: [] };
  const text = faultOf({ preset });
  assert.match(text, /sender\.cfg:4: "many" is not allowed/);
  assert.match(text, /sender\.cfg:9: bad/);
  const sources = { preset: { ...preset, faults: [] }, args: ['--broker.window=5'] };
  assert.equal(load(sources).broker.login, 'preset');
  assert.equal(load({ ...sources, fileText: '{"broker": {"login": "file"}}' }).broker.login, 'file');
});

test('says where a value comes from: the source that weighs most', (t) => {
  const file = path.join(temporaryDirectory(t), 'x.yaml');
  writeFileSync(file, 'broker: { login: a, passcode: b }\n');
  const sources: ConfigSources = { env: { SSM_BROKER_PASSCODE: 'c' }, file, args: ['--once'] };
  assert.deepEqual(
    ['broker.login', 'broker.passcode', 'once', 'broker.urls'].map((key) => sourceOf(settings, sources, key)),
    [`file ${file}: broker.login`, 'variable SSM_BROKER_PASSCODE', 'option --once', undefined],
  );
});
