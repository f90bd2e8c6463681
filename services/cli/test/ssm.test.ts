/** The command line of `ssm`: parsing, help, completion. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { type Command, EXIT, type Given, UsageError } from '../src/ssm/command.js';
import { COMMANDS } from '../src/ssm/commands.js';
import { serviceOf } from '../src/ssm/config.js';
import { helpOf, overview } from '../src/ssm/help.js';
import { runSsm } from '../src/ssm/main.js';
import { parseGiven } from '../src/ssm/parse.js';
import { startProgress } from '../src/ssm/progress.js';
import { ageText, sizeText, table } from '../src/ssm/table.js';
import { sayBytes, sayJson, type Terminal, visible } from '../src/ssm/terminal.js';

interface Fake {
  readonly terminal: Terminal;
  readonly out: () => string;
  readonly err: () => string;
}

function fake(isTTY = false): Fake {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const texts = { out: '', err: '' };
  streams.stdout.on('data', (chunk) => (texts.out += String(chunk)));
  streams.stderr.on('data', (chunk) => (texts.err += String(chunk)));
  const terminal = {
    env: {},
    stdin: new PassThrough(),
    stdout: Object.assign(streams.stdout, { isTTY }),
    stderr: Object.assign(streams.stderr, { isTTY }),
    now: () => new Date(),
    signal: new AbortController().signal,
  };
  return { terminal, out: () => texts.out, err: () => texts.err };
}

const SAMPLE: Command = {
  name: 'try it',
  summary: 'a sample',
  positionals: [
    { name: 'KIND', choices: ['one', 'two'], doc: 'which' },
    { name: 'REST', many: true, optional: true, doc: 'more' },
  ],
  options: {
    text: { type: 'string', short: 't', value: 'TEXT', doc: 'a text' },
    many: { type: 'string', multiple: true, choices: ['a', 'b'], doc: 'several' },
    flag: { type: 'boolean', short: 'f', doc: 'a switch' },
  },
  examples: [{ line: 'ssm try it one', what: 'so' }],
  run: async () => 0,
};

function faultOf(...args: readonly string[]): string {
  try {
    parseGiven(SAMPLE, args);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  return assert.fail('no fault');
}

async function run(...args: string[]): Promise<readonly [code: number, out: string, err: string]> {
  const { terminal, out, err } = fake();
  return [await runSsm(args, [SAMPLE], terminal, '9.9.9'), out(), err()];
}

describe('the command line', () => {
  it('takes options and words in any order', () => {
    const given: Given = parseGiven(SAMPLE, ['-t', 'x', 'one', '--many=a', '--flag', 'r1', '--many', 'b', '--', '--r2']);
    assert.equal(given.text('text'), 'x');
    assert.deepEqual(given.texts('many'), ['a', 'b']);
    assert.equal(given.has('flag'), true);
    assert.deepEqual(given.positionals, ['one', 'r1', '--r2']);
    assert.equal(parseGiven(SAMPLE, ['one', '-t', '-']).text('text'), '-');
  });

  it('says what is wrong, and what was probably meant', () => {
    assert.equal(faultOf('one', '--texst=x'), 'option --texst: unknown; did you mean text?');
    assert.equal(faultOf('one', '-x'), 'option -x: unknown');
    assert.equal(faultOf('one', '--text'), 'option --text: needs a value');
    assert.equal(faultOf('one', '--text', '--flag'), 'option --text: needs a value');
    assert.equal(faultOf('one', '--flag=x'), 'option --flag: takes no value');
    assert.equal(faultOf('one', '-t', 'a', '--text=b'), 'option --text: given more than once');
    assert.equal(faultOf('one', '--many', 'c'), 'option --many: "c" is not one of a, b; did you mean a?');
    assert.equal(faultOf(), 'KIND is missing: which');
    assert.equal(faultOf('tow'), 'KIND: "tow" is not one of one, two');
  });

  it('finds commands of two words, and knows when one is missing', async () => {
    assert.deepEqual(await run('try', 'it', 'one'), [0, '', '']);
    assert.deepEqual(await run('--version'), [0, 'SSM 9.9.9\n', '']);
    assert.match((await run('try'))[2], /one of it must follow/);
    assert.match((await run('try', 'at'))[2], /one of it must follow/);
    assert.match((await run('trry it'))[2], /is no command; did you mean try it\?/);
    assert.equal((await run())[0], EXIT.usage);
    assert.match((await run('help', 'try', 'it'))[1], /^Use: ssm try it KIND \[REST\.\.\.\] \[options\]/);
    const [code, , err] = await run('try', 'it', 'three');
    assert.equal(code, EXIT.usage);
    assert.match(err, /Try 'ssm try it --help'\./);
  });
});

describe('every command', () => {
  for (const command of COMMANDS)
    it(`${command.name} has a help that names all its options, and examples that its own parser takes`, () => {
      const help = helpOf(command);
      for (const [name, { doc }] of Object.entries(command.options)) {
        assert.match(help, new RegExp(`--${name}\\b`));
        assert.ok(help.includes(doc));
      }
      assert.ok(command.examples.length > 0);
      for (const { line } of command.examples) {
        const [mine] = new RegExp(`ssm ${command.name}[^|>)]*`).exec(line) ?? [];
        assert.ok(mine !== undefined, line);
        const words = mine
          .trimEnd()
          .split(' ')
          .slice(1 + command.name.split(' ').length);
        parseGiven(command, words);
      }
      assert.match(overview(COMMANDS, '1'), new RegExp(`^  ${command.name} `, 'm'));
    });
});

async function script(shell: string): Promise<string> {
  const { terminal, out } = fake();
  assert.equal(await runSsm(['completion', shell], COMMANDS, terminal, '1'), 0);
  return out();
}

async function complete(...words: readonly string[]): Promise<string[]> {
  const quoted = ['ssm', ...words].map((word) => `'${word}'`).join(' ');
  const { stdout, stderr, status } = spawnSync(
    'bash',
    ['-c', `${await script('bash')}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _ssm; printf '%s\\n' "\${COMPREPLY[@]}"`],
    { encoding: 'utf8', cwd: '/' },
  );
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter((word) => word !== '');
}

describe('completion', () => {
  it('of bash offers commands, words, options, choices and files', async () => {
    assert.deepEqual(await complete('qu'), ['queue']);
    assert.deepEqual(await complete('queue', 're'), ['requeue']);
    assert.deepEqual(await complete('queue', 'list', 'r'), ['reject']);
    assert.deepEqual(await complete('queue', 'list', '--lim'), ['--limit']);
    assert.deepEqual(await complete('queue', 'list', '--layout', ''), ['dirq', 'directory']);
    assert.deepEqual(await complete('check', '-c', '/us'), ['/usr']);
    assert.deepEqual(await complete('add', '/us'), ['/usr']);
    assert.deepEqual(await complete('completion', 'z'), ['zsh']);
  });

  it('of zsh and fish names every command and option', async () => {
    assert.match(await script('zsh'), /^autoload -U \+X bashcompinit && bashcompinit\n/);
    const fish = await script('fish');
    for (const { name, options } of COMMANDS) {
      for (const word of name.split(' ')) assert.match(fish, new RegExp(`-a ${word}\\b`));
      for (const option of Object.keys(options)) assert.match(fish, new RegExp(`-l ${option}\\b`));
    }
  });
});

describe('what a terminal gets', () => {
  it('obeys nothing of it', async () => {
    assert.equal(visible('a\u001b[2Jb\r\u0007\u009b\u202ec\nd\te\u{e0001}'), 'a\\x1B[2Jb\\x0D\\x07\\x9B\\u{202E}c\nd\te\\u{E0001}');
    const { terminal, out } = fake(true);
    await sayBytes(terminal, Buffer.from('x\u001b]0;title\u0007'));
    assert.equal(out(), 'x\\x1B]0;title\\x07');
    assert.equal(table(['A', 'B'], [['x\ny', '\u001b']]), 'A     B\nx\\ny  \\x1B');
  });

  it('a pipe gets the bytes as they are', async () => {
    const { terminal, out } = fake(false);
    await sayBytes(terminal, Buffer.from('x\u001b'));
    assert.equal(out(), 'x\u001b');
  });

  it('JSON keeps its values', () => {
    const { terminal, out } = fake();
    const value = { text: 'a\u009b\u202e\u{e0001}\n\u001b\ud800' };
    sayJson(terminal, value);
    assert.deepEqual(JSON.parse(out()), value);
    for (const hostile of ['\u009b', '\u202e', '\u{e0001}', '\u001b']) assert.equal(out().includes(hostile), false);
  });

  it('a bar is only for a terminal', () => {
    const shown = [true, false].map((isTTY) => {
      const { terminal, err } = fake(isTTY);
      const progress = startProgress(terminal, 'doing', 2);
      progress.step();
      progress.end();
      return err();
    });
    assert.match(shown[0]!, /^\rdoing \[#{12}\.{12}\] 1\/2\r/);
    assert.equal(shown[1], '');
  });

  it('sizes and ages are short', () => {
    assert.deepEqual([0, 1023, 1024, 20 * 1024 ** 2].map(sizeText), ['0 B', '1023 B', '1.0 KiB', '20.0 MiB']);
    assert.deepEqual([-5, 59_000, 300_000, 3 * 3_600_000, 5 * 86_400_000].map(ageText), ['0 s', '59 s', '5 min', '3 h', '5 d']);
  });
});

describe('whose configuration it is', () => {
  const NOTHING: Given = { positionals: [], text: () => undefined, texts: () => [], has: () => false };
  for (const [name, text, service] of [
    ['x.cfg', '[sender]\nprotocol: STOMP\n', 'sender'],
    ['x.cfg', '[broker]\n[daemon]\npidfile: /p\n', 'receiver'],
    ['receiver.cfg', '[broker]\n', 'receiver'],
    ['x.yaml', 'broker: {}\noutgoing:\n  path: /x\n', 'sender'],
    ['x.yaml', 'broker: {}\nauthorisation:\n  allow: /x\n', 'receiver'],
    ['x.json', '{"broker": {}, "incoming": {"path": "/x"}}', 'receiver'],
    ['x.json', '{"broker": {}}', 'sender'],
  ] as const)
    it(`${name} with ${JSON.stringify(text)}: a ${service}'s`, (test) => {
      const file = path.join(temporaryDirectory(test), name);
      writeFileSync(file, text);
      assert.equal(serviceOf(NOTHING, file, { env: {} }), service);
    });

  it('without a file: that of the variables that only one service has', () => {
    const common = { SSM_BROKER_DESTINATION: '/queue/x', SSM_OPS_HOST: '0.0.0.0' };
    const service = (env: Readonly<Record<string, string>>): string => serviceOf(NOTHING, undefined, { env: { ...common, ...env } });
    assert.equal(service({ SSM_OUTGOING_LAYOUT: 'dirq' }), 'sender');
    assert.equal(service({ SSM_AUTHORISATION_ALLOW: '/x' }), 'receiver');
    assert.throws(() => service({}), UsageError);
    assert.throws(() => service({ SSM_OUTGOING_LAYOUT: 'dirq', SSM_AUTHORISATION_ALLOW: '/x' }), UsageError);
  });
});
