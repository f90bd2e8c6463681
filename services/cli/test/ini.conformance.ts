/** The reader of INI files against the configparser of Python, on written and on generated files. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requireTools } from '@ssm/test-support';
import { array, constantFrom, oneof, sample, tuple } from 'fast-check';
import { DEFAULT_SECTION, type IniFile } from '../src/ini/parse.js';
import { readIni } from '../src/ini/read.js';
import { iniValue } from '../src/ini/value.js';

const PEER = fileURLToPath(new URL('../../test/ini_peer.py', import.meta.url));
const GENERATED = 6000;

interface Read {
  readonly error?: string;
  readonly lines?: readonly number[];
  readonly sections?: readonly string[];
  readonly values?: readonly (readonly [section: string, key: string, value: string | null])[];
}

function python(files: readonly Buffer[]): Read[] {
  const input = files.map((file) => `${file.toString('base64')}\n`).join('');
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', [PEER], { input, maxBuffer: 2 ** 30 });
  assert.equal(status, 0, stderr.toString());
  return stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Read);
}

/** Every key that can be asked for, as parser.options() lists them. */
function valuesOf(file: IniFile): NonNullable<Read['values']> {
  return [...file.sections].flatMap(([section, own]) =>
    [...new Set([...own.keys(), ...file.defaults.keys()])].map((key) => {
      const value = iniValue(file, section, key);
      return [section, key, value !== undefined && 'text' in value ? value.text : null] as const;
    }),
  );
}

const byText = (values: NonNullable<Read['values']>): string[] => values.map((value) => JSON.stringify(value)).toSorted();

function same(bytes: Buffer, theirs: Read): void {
  const ours = readIni(bytes);
  const shown = JSON.stringify(bytes.toString('latin1'));
  if (theirs.error !== undefined) {
    assert.notEqual(ours.faults.length, 0, `${theirs.error}: ${shown}`);
    // Python ends at the first fault of some kinds; what it names we name.
    const lines = ours.faults.map(({ line }) => line);
    if (theirs.error !== 'UnicodeDecodeError')
      for (const line of theirs.lines ?? []) assert.ok(lines.includes(line), `line ${line}: ${shown}`);
    return;
  }
  assert.deepEqual(ours.faults, [], shown);
  assert.deepEqual([...ours.sections.keys()], theirs.sections, shown);
  assert.deepEqual(byText(valuesOf(ours)), byText(theirs.values ?? []), shown);
}

const WRITTEN = [
  '',
  '# nothing\n; at all\n',
  '[a]\nk: v\n',
  '[a]\nk = v\nK2=v:w=x\n k3 : x\n',
  '[a]\nlong: one\n two\n\n  three\n# comment\n four\n\n\nnext: x\n',
  '[a]\nlong:\n  one\n  two\nother: x\n',
  '  [a]\n  k: v\n    more\n  l: w\n',
  '[a]\nk: v # no comment\nl: v ; nor here\n',
  '[a] trailing\nk: v\n[b] # c\nk: w\n[c]]\nk: x\n[[d]\nk: y\n',
  '[a]\nk: 100%%\nl: %(k)s and %(K)s\nm: %(none)s\nn: 5%\no: %(k\np: %\nq: %%(k)s\n',
  '[DEFAULT]\nd: x\nk: y\n[a]\nk: %(d)s\n[b]\n',
  '[a]\nr: %(s)s\ns: %(r)s\n',
  `[a]\n${Array.from({ length: 12 }, (_, index) => `k${index}: %(k${index + 1})s\n`).join('')}k12: end\n`,
  '[a]\nk: v\n[a]\nl: w\n',
  '[a]\nk: v\nK: w\n',
  '[DEFAULT]\na: 1\n[DEFAULT]\nb: 2\n[DEFAULT]\nA: 3\n',
  'k: v\n',
  '[a]\nno delimiter\nalso none\nk: v\n: empty\n = x\n',
  '[a]\r\nk: v\r\n w\r\n\r\nl: x\r\n',
  '[a]\rk: v\rl: w',
  '[a]\nk: caf\u00e9 \u4e2d\nKEY\u00c4: x\n\u0130: y\n',
  '[a]\nk:\u00a0v\u00a0\n\u2003more\u2003\nl:\u0085w\u001c\n\u2028m: x\n',
  '[a]\nk: v\n\u000bl: w\n\u001fm: x\n',
  '[]\n',
  '[a]\n[]\n',
  '[a]\nk\n',
  '[a]\nk:\n[b]\nk: \n\n\n',
  '[a]\n  k: v\n l: w\n   m: x\nn: y\n',
].map((text) => Buffer.from(text));

const SENDER = `[broker]\n\n# comment\nhost: broker.example.org\nport: 61613\nuse_ssl: true\n[certificates]\ncertificate: /etc/grid-security/hostcert.pem\n[messaging]\npath: /var/spool/apel/outgoing\n`;

/** Lines that are nearly right, from pieces that matter to the syntax. */
const piece = constantFrom(
  '[',
  ']',
  '[a]',
  '[b]',
  '[DEFAULT]',
  ':',
  '=',
  '#',
  ';',
  '%',
  '%%',
  '%(',
  ')s',
  '%(k)s',
  '%(l)s',
  '%(d)s',
  'k',
  'l',
  'd',
  'K',
  'v',
  '0',

  ' ',
  '  ',
  '\t',
  '\u00a0',
  '\u0085',
  '\u001d',
  '\v',
  '\f',
  '\u2028',
  '\u00e9',
  '\u{1f600}',
  '\u0130',
  '"',
  "'",
  '\\',
  '\u200b',
  '\ufeff',
);
const line = oneof(
  { weight: 3, arbitrary: array(piece, { maxLength: 8 }).map((parts) => parts.join('')) },
  {
    weight: 2,
    arbitrary: tuple(constantFrom('k', 'l', 'm', 'd', 'K'), constantFrom(':', '=', ' : '), piece, piece).map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: constantFrom('[a]', '[b]', '[DEFAULT]', '') },
  { weight: 1, arbitrary: array(piece, { maxLength: 4 }).map((parts) => `  ${parts.join('')}`) },
);
const generated = tuple(
  constantFrom('', '[a]\n', '[DEFAULT]\nd: x\n[a]\n'),
  array(tuple(line, constantFrom('\n', '\n', '\n', '\r\n', '\r')), { maxLength: 12 }),
)
  .map(([start, lines]) => start + lines.map((parts) => parts.join('')).join(''))
  // A byte order mark at the start is the one thing that is read differently on purpose.
  .filter((text) => !text.startsWith('\ufeff'))
  .map((text) => Buffer.from(text));

describe('INI files are read as Python reads them', { skip: requireTools('python3') }, () => {
  it('that people write', () => {
    const files = [...WRITTEN, Buffer.from(SENDER)];
    for (const [index, theirs] of python(files).entries()) same(files[index]!, theirs);
  });

  it(`that nobody would: ${GENERATED} generated ones`, () => {
    const files = sample(generated, { numRuns: GENERATED });
    const theirs = python(files);
    for (const [index, read] of theirs.entries()) same(files[index]!, read);
    const good = theirs.filter(({ error }) => error === undefined).length;
    // Both kinds must be met, or nothing is shown.
    assert.ok(good > GENERATED / 10 && good < GENERATED, `${good} of ${GENERATED} have no fault`);
  });

  it('with damaged bytes: a fault where Python has one, but for comments', () => {
    const faulty = Buffer.from('[a]\nk: caf\xe9\n', 'latin1');
    same(faulty, python([faulty])[0]!);
    assert.deepEqual(readIni(Buffer.from('[a]\n# caf\xe9\nk: v\n', 'latin1')).faults, []);
    assert.deepEqual(readIni(faulty).faults, [{ line: 2, message: 'is not UTF-8 text' }]);
  });

  it('with a byte order mark, which Python refuses and we drop', () => {
    const file = Buffer.from('\ufeff[a]\nk: v\n');
    assert.equal(python([file])[0]?.error, 'MissingSectionHeaderError');
    assert.deepEqual(valuesOf(readIni(file)), [['a', 'k', 'v']]);
  });

  it('has the name of the default section right', () => {
    assert.equal(DEFAULT_SECTION, 'DEFAULT');
  });
});
