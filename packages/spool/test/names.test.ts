import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { array, assert as check, date, double, property, string, uint8Array } from 'fast-check';
import { SpoolError } from '../src/errors.js';
import {
  checkFileName,
  decodeName,
  directoryNameAt,
  encodeName,
  fileIn,
  isDirectoryName,
  isElementName,
  isForeignName,
  isUnfinishedName,
  NameSource,
  numberedDirectory,
  splitElementName,
  timeOfElement,
} from '../src/names.js';

const moment = date({ min: new Date('2001-09-10T00:00:00Z'), max: new Date('2105-01-01T00:00:00Z'), noInvalidDate: true });
const fraction = double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('NameSource', () => {
  it('gives names of dirq that say when', () => {
    check(
      property(moment, fraction, (now, random) => {
        const name = new NameSource(
          () => now,
          () => random,
        ).next();
        assert.ok(isElementName(name));
        assert.equal(Number.parseInt(name.slice(0, 8), 16), Math.floor(now.getTime() / 1000));
        assert.equal(timeOfElement(name, now)?.getTime(), now.getTime());
        assert.equal(name.slice(13), Math.floor(random * 16).toString(16));
      }),
    );
  });

  it('never repeats a name and never goes back, whatever the clock does', () => {
    check(
      property(array(moment, { minLength: 2, maxLength: 50 }), fraction, (clock, random) => {
        let tick = 0;
        const source = new NameSource(
          () => clock[tick++ % clock.length]!,
          () => random,
        );
        const names = Array.from({ length: 100 }, () => source.next());
        assert.deepEqual(names, [...new Set(names)].toSorted());
        assert.ok(names.every(isElementName));
      }),
    );
  });

  it('takes another digit where somebody has the name, and goes on increasing', () => {
    const random = [0, 0.5, 0.9];
    const source = new NameSource(
      () => new Date(1_700_000_000_000),
      () => random.shift()!,
    );
    const first = source.next();
    source.taken();
    assert.deepEqual([first, source.next(), random], ['6553f100001f40', '6553f100001f5e', []]);
  });

  it('carries microseconds over into seconds', () => {
    const source = new NameSource(
      () => new Date(1_700_000_000_999),
      () => 0.9999,
    );
    assert.equal(source.next(), '6553f100f423ff');
    assert.equal(source.next(), '6553f10100000f');
  });
});

describe('names of dirq', () => {
  it('finds the directory of a minute', () => {
    check(
      property(moment, (now) => {
        const name = directoryNameAt(now);
        assert.ok(isDirectoryName(name));
        const seconds = Number.parseInt(name, 16);
        assert.equal(seconds % 60, 0);
        assert.ok(seconds * 1000 <= now.getTime() && now.getTime() < (seconds + 60) * 1000);
      }),
    );
    assert.equal(numberedDirectory(255), '000000ff');
  });

  it('splits exactly 8hex/14hex', () => {
    assert.deepEqual(splitElementName('0123abcd/0123456789abcd'), { directory: '0123abcd', element: '0123456789abcd' });
    const hostile = [
      '',
      '/',
      '0123abcd',
      '../23abcd/0123456789abcd',
      '0123abcd/0123456789abcd\n',
      '0123ABCD/0123456789abcd',
      '0123abcd//123456789abcd',
    ];
    for (const name of hostile)
      assert.throws(
        () => splitElementName(name),
        (error) => error instanceof SpoolError && error.code === 'name-invalid',
      );
    check(
      property(string(), (name) => {
        if (!/^[0-9a-f]{8}\/[0-9a-f]{14}$/.test(name)) assert.throws(() => splitElementName(name));
      }),
    );
  });

  it('knows names that are no time', () => {
    const now = new Date('2024-06-01T00:00:00Z');
    assert.equal(timeOfElement('12345678901234', now), undefined);
    assert.equal(timeOfElement('ffffffff000000', now), undefined);
    assert.deepEqual(timeOfElement('66000000000000', now), new Date(0x66000000 * 1000));
  });
});

describe('file names', () => {
  const bytes = uint8Array({ minLength: 1, maxLength: 60 }).map((name) => name.map((byte) => (byte === 0 || byte === 0x2f ? 0x41 : byte)));

  it('come back from text byte for byte, whatever the bytes', () => {
    check(
      property(bytes, (name) => {
        const decoded = decodeName(Buffer.from(name).toString('latin1'));
        assert.deepEqual(encodeName(decoded), Buffer.from(name));
        assert.deepEqual(Buffer.from(fileIn('/x', decoded)), Buffer.concat([Buffer.from('/x/'), name]));
      }),
    );
  });

  it('differ in text when they differ in bytes', () => {
    check(
      property(bytes, bytes, (one, other) => {
        const [first, second] = [one, other].map((name) => decodeName(Buffer.from(name).toString('latin1')));
        assert.equal(first === second, Buffer.compare(one, other) === 0);
      }),
    );
  });

  it('are plain text when they are UTF-8', () => {
    check(
      property(string({ unit: 'grapheme', minLength: 1 }), (name) => {
        assert.equal(decodeName(Buffer.from(name).toString('latin1')), name);
        assert.equal(isForeignName(name), false);
      }),
    );
    assert.equal(isForeignName(decodeName('a\xff')), true);
    assert.equal(decodeName('\xef\xbb\xbfa'), '\ufeffa');
  });

  it('are found on a real file system', (t) => {
    const directory = temporaryDirectory(t);
    mkdirSync(`${directory}/d`);
    for (const name of ['caf\xe9', 'Zürich', '\xff\xfe', 'plain']) writeFileSync(fileIn(`${directory}/d`, decodeName(name)), '');
    const found = readdirSync(`${directory}/d`, { encoding: 'latin1' });
    assert.deepEqual(found.toSorted(), ['caf\xe9', 'Z\xfcrich', '\xff\xfe', 'plain'].toSorted());
  });

  it('say when a file is not whole yet', () => {
    for (const name of ['.hidden', 'x.tmp', 'x.part', 'x~', '.']) assert.ok(isUnfinishedName(name), name);
    for (const name of ['x', 'x.tmp.xml', 'tmp', '~x']) assert.ok(!isUnfinishedName(name), name);
  });

  it('cannot leave the directory', () => {
    for (const name of ['', '.', '..', 'a/b', '/etc/passwd', 'a\0b', '../x'])
      assert.throws(
        () => checkFileName(name),
        (error) => error instanceof SpoolError && error.code === 'name-invalid',
      );
    checkFileName('...');
  });
});
