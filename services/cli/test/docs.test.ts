/** docs/cli.md and docs/migrating.md against the code, both ways. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { receiverSettings } from '@ssm/receiver';
import { senderSettings } from '@ssm/sender';
import { describeSettings } from '@ssm/service-kit';
import { createOutgoingQueue } from '@ssm/spool';
import { temporaryDirectory } from '@ssm/test-support';
import { CLASSIC_KEYS } from '../src/classic/keys.js';
import { ssmreceive } from '../src/classic/ssmreceive.js';
import { ssmsend } from '../src/classic/ssmsend.js';
import { ADVISED_CODES } from '../src/ssm/check/advice.js';
import { COMMANDS } from '../src/ssm/commands.js';
import { optionsOf } from '../src/ssm/parse.js';

const page = (name: string): string => readFileSync(fileURLToPath(new URL(`../../../../docs/${name}`, import.meta.url)), 'utf8');

/** Sections of this level whose heading is a name in back-quotes. */
function sections(text: string, level: '##' | '###'): ReadonlyMap<string, string> {
  const parts = text.split(new RegExp(`^${level} \``, 'm')).slice(1);
  return new Map(parts.map((part) => [part.slice(0, part.indexOf('`')), part.split(/^#{2,3} /m)[0] ?? '']));
}

interface Row {
  readonly option: string;
  readonly short: string | undefined;
  readonly what: string;
}

/** Rows of a table that begin with an option. */
function optionRows(section: string): Row[] {
  return [...section.matchAll(/^\| `--([a-z_-]+)[^`]*`(?:, `-(\w)`)? \| (.*) \|$/gm)].map(([, option = '', short, what = '']) => ({
    option,
    short,
    what,
  }));
}

describe('docs/cli.md', () => {
  const text = page('cli.md');

  it('has a section for every command of ssm, and for nothing else', () => {
    assert.deepEqual(
      [...sections(text, '###').keys()],
      COMMANDS.map(({ name }) => `ssm ${name}`),
    );
  });

  for (const command of COMMANDS) {
    const section = sections(text, '###').get(`ssm ${command.name}`) ?? '';

    it(`ssm ${command.name}: every argument and option, with the words of the help`, () => {
      const inCode = Object.entries(optionsOf(command)).map(([option, { doc, short }]) => ({ option, short, what: doc }));
      assert.deepEqual(optionRows(section), inCode);
      for (const { name, doc } of command.positionals ?? []) assert.ok(section.includes(`| \`${name}\``) && section.includes(doc), name);
    });

    it(`ssm ${command.name}: summary and examples`, () => {
      assert.ok(section.includes(command.summary.slice(1)), command.summary);
      for (const { line } of command.examples) assert.ok(section.includes(line), line);
    });
  }

  for (const { help, name, presets } of [ssmsend('0'), ssmreceive('0')]) {
    const section = sections(text, '##').get(name) ?? '';

    it(`${name}: every option of its help, and no other`, () => {
      const inHelp = [...help.matchAll(/^ {2}(?:-\w, )?--([a-z_-]+)/gm)].map(([, option]) => String(option)).toSorted();
      assert.deepEqual(
        optionRows(section)
          .map(({ option }) => option)
          .toSorted(),
        inHelp,
      );
    });

    it(`${name}: the settings that have other defaults`, () => {
      for (const [key, value] of Object.entries(presets)) assert.match(section, new RegExp(`^\\| \`${key}\` \\| \`${value}\``, 'm'));
    });
  }

  it('names every unit', () => {
    for (const unit of readdirSync(fileURLToPath(new URL('../../systemd', import.meta.url)))) assert.ok(text.includes(`\`${unit}\``), unit);
  });
});

describe('docs/migrating.md', () => {
  const table = page('migrating.md').split('\n## Keys\n')[1] ?? '';
  const rows = [...table.matchAll(/^\| `\[(\w+)\] (\w+)` \| (.*?) ?\| (.*?) ?\| .*\|$/gm)].map(
    ([, section = '', key = '', sender = '', receiver = '']) => ({
      section,
      key,
      sender: namesIn(sender),
      receiver: namesIn(receiver),
    }),
  );

  it('has the same keys as the code, and says what each becomes', () => {
    assert.deepEqual(
      rows,
      CLASSIC_KEYS.map(({ section, key, becomes: { sender = [], receiver = [] } }) => ({
        section,
        key,
        sender: [...sender],
        receiver: [...receiver],
      })),
    );
  });

  it('names no environment variable that is none', () => {
    const known = [senderSettings, receiverSettings].flatMap((settings) => describeSettings(settings).map(({ env }) => env));
    const named = [...page('migrating.md').matchAll(/`(SSM_[A-Z\d_]+)/g)].map(([, name = '']) => name);
    assert.ok(named.length > 2);
    assert.deepEqual(
      named.filter((name) => !known.includes(name)),
      [],
    );
  });
});

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
}

it('the advice of ssm check is for codes that there are', () => {
  const codes = sections(page('errors.md'), '###');
  assert.deepEqual(
    ADVISED_CODES.filter((code) => !codes.has(code)),
    [],
  );
});

describe('the way back of docs/migrating.md', () => {
  const [, commands = ''] = /## The way back.*?```sh\n(.*?)```/s.exec(page('migrating.md')) ?? [];

  for (const layout of ['dirq', 'directory'] as const)
    it(`has commands that remove what a sender leaves in a queue of layout ${layout}, but no file that was not sent`, async (t) => {
      const outgoing = temporaryDirectory(t);
      const queue = createOutgoingQueue({ path: outgoing, layout, instance: 'sender' });
      await queue.start();
      await queue.purge();
      await queue.close?.();
      writeFileSync(`${outgoing}/.claimed/somebody`, 'not sent');
      assert.equal(spawnSync('sh', ['-c', commands], { cwd: outgoing }).status, 1);
      assert.deepEqual(readdirSync(`${outgoing}/.claimed`), ['somebody']);
      unlinkSync(`${outgoing}/.claimed/somebody`);
      assert.equal(spawnSync('sh', ['-c', commands], { cwd: outgoing }).status, 0);
      assert.deepEqual(readdirSync(outgoing), []);
    });
});
