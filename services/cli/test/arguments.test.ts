import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readClassicArguments } from '../src/classic/arguments.js';
import { kindOf } from '../src/classic/source.js';

it('takes the options of the Python SSM in every form, and leaves the rest as it is', () => {
  const forms = [['-c', '/x'], ['-c/x'], ['--config', '/x'], ['--config=/x']];
  for (const form of forms) {
    const { config, rest, fault } = readClassicArguments(['--broker.window', '5', ...form, '--no-once', '--a.b=-c']);
    assert.deepEqual({ config, rest, fault }, { config: '/x', rest: ['--broker.window', '5', '--no-once', '--a.b=-c'], fault: undefined });
  }
  assert.equal(readClassicArguments(['-d', '/dns']).dnFile, '/dns');
  assert.equal(readClassicArguments(['-l', '/log']).logConfig, '/log');
  for (const [arg, show] of [
    ['-v', 'version'],
    ['--version', 'version'],
    ['-h', 'help'],
    ['--help', 'help'],
    ['--help-settings', 'help-settings'],
  ])
    assert.equal(readClassicArguments([arg!]).show, show);
});

it('says what is wrong with an option', () => {
  assert.equal(readClassicArguments(['-c']).fault, 'option -c: needs a value');
  assert.equal(readClassicArguments(['-c', '--once']).fault, 'option -c: needs a value');
  assert.equal(readClassicArguments(['-c', 'a', '--config=b']).fault, 'option --config: given more than once');
  assert.equal(readClassicArguments(['-x']).fault, 'option "-x": unknown');
  assert.equal(readClassicArguments(['-d', 'x'], ['dn_file']).fault, 'option "-d": unknown');
});

const kind = (file: string, text: string): string => kindOf(file, Buffer.from(text));

it('knows the two kinds of file apart: by extension, else by the first line that is no comment', () => {
  assert.equal(kind('/etc/apel/sender.cfg', 'broker: {}'), 'ini');
  assert.equal(kind('sender.YAML', '[broker]'), 'yaml');
  assert.equal(kind('sender.json', '{}'), 'yaml');
  for (const text of ['[broker]\n', '# c\n; d\n\n  [broker]\n', '\ufeff[broker]\r\n']) assert.equal(kind('sender', text), 'ini', text);
  for (const text of ['broker:\n', '# [broker]\nbroker: {}\n', '{"a": 1}', '---\n', '']) assert.equal(kind('sender', text), 'yaml', text);
});
