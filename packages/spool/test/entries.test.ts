import assert from 'node:assert/strict';
import { type Dir, mkdirSync, promises, readdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { entriesOf } from '../src/entries.js';
import { hideTypes } from './listing.js';
import { rejectsWith } from './support.js';

describe('the entries of a directory', () => {
  it('are all there, each once, whatever their number', async (t) => {
    for (const total of [0, 1, 1023, 1024, 1025, 2048, 2500]) {
      const root = temporaryDirectory(t);
      for (let index = 0; index < total; index += 1) writeFileSync(`${root}/${index}`, '');
      const names: string[] = [];
      for await (const entries of entriesOf(root)) {
        assert.notEqual(entries.length, 0);
        for (const { name } of entries) names.push(name);
      }
      assert.deepEqual(names.toSorted(), readdirSync(root).toSorted());
    }
  });

  it('say what they are, and every byte of their names', async (t) => {
    const root = temporaryDirectory(t);
    mkdirSync(`${root}/directory`);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x61])]), '');
    const found = new Map<string, boolean | undefined>();
    for await (const entries of entriesOf(root, 'latin1')) for (const entry of entries) found.set(entry.name, entry.isDirectory?.());
    assert.deepEqual(Object.fromEntries(found), { directory: true, '\u00ffa': false });
  });

  it('are all there where a directory does not say what they are, though one vanishes', async (t) => {
    const root = temporaryDirectory(t);
    for (let index = 0; index < 3000; index += 1) writeFileSync(`${root}/${index}`, '');
    writeFileSync(`${root}/Zürich`, '');
    let looks = 0;
    hideTypes(t, (file) => {
      looks += 1;
      if (looks === 500) unlinkSync(file);
    });
    for (let pass = 1; pass <= 2; pass += 1) {
      const names: string[] = [];
      for await (const entries of entriesOf(root, 'latin1')) {
        assert.ok(entries.length <= 1024);
        for (const entry of entries) names.push(Buffer.from(entry.name, 'latin1').toString());
        for (const entry of entries) assert.equal(typeof entry.isDirectory, 'undefined');
      }
      assert.equal(names.length, 3000);
      assert.deepEqual(names.toSorted(), readdirSync(root).toSorted());
    }
    assert.ok(looks <= 1024, 'known from then on');
  });

  it('are not said to be all when one vanishes after others were given', async (t) => {
    const root = temporaryDirectory(t);
    for (let index = 0; index < 3000; index += 1) writeFileSync(`${root}/${index}`, '');
    hideTypes(t, unlinkSync, 1500);
    const read = async (): Promise<number> => {
      let count = 0;
      for await (const entries of entriesOf(root)) count += entries.length;
      return count;
    };
    await rejectsWith(read(), 'io-error');
    assert.equal(await read(), readdirSync(root).length, 'the next time names are enough');
  });

  it('are not said to be all when the directory stops saying what they are', async (t) => {
    const root = temporaryDirectory(t);
    for (let index = 0; index < 3000; index += 1) writeFileSync(`${root}/${index}`, '');
    // Another type of file system than that of the others here.
    t.mock.method(promises, 'statfs', async () => ({ type: 0x6970 }));
    let looks = 0;
    hideTypes(t, () => (looks += 1), 1024);
    const read = async (): Promise<number> => {
      let count = 0;
      for await (const entries of entriesOf(root)) count += entries.length;
      return count;
    };
    await rejectsWith(read(), 'io-error');
    assert.ok(looks <= 1024, 'one portion is looked at, and not the rest');
    assert.equal(await read(), 3000);
  });

  it('end with their directory', async (t) => {
    for (const shows of [0, 1500]) {
      const root = `${temporaryDirectory(t)}/root`;
      mkdirSync(root);
      for (let index = 0; index < 3000; index += 1) writeFileSync(`${root}/${index}`, '');
      hideTypes(t, () => rmSync(root, { recursive: true, force: true }), shows);
      const read = async (): Promise<void> => {
        for await (const entries of entriesOf(root)) assert.equal(entries.length, 1024);
      };
      await assert.rejects(read(), { code: 'ENOENT' });
      t.mock.restoreAll();
    }
  });

  it('leave the event loop free', async (t) => {
    const root = temporaryDirectory(t);
    for (let index = 0; index < 5000; index += 1) writeFileSync(`${root}/${index}`, '');
    let turns = 0;
    const turn = (): void => {
      turns += 1;
      timer = setImmediate(turn);
    };
    let timer = setImmediate(turn);
    let portions = 0;
    for await (const entries of entriesOf(root)) portions += entries.length > 0 ? 1 : 0;
    clearImmediate(timer);
    assert.ok(turns >= portions && portions >= 5, `${turns} turns, ${portions} portions`);
  });

  it('are all waited for where a server has them', async (t) => {
    const root = temporaryDirectory(t);
    for (let index = 0; index < 1500; index += 1) writeFileSync(`${root}/${index}`, '');
    t.mock.method(promises, 'statfs', async () => ({ type: 0x6969 }));
    const opendir = promises.opendir.bind(promises);
    t.mock.method(promises, 'opendir', async (...args: Parameters<typeof opendir>) => {
      const directory = await opendir(...args);
      t.mock.method(directory, 'readSync', () => assert.fail('on the main thread'));
      return directory;
    });
    let count = 0;
    for await (const entries of entriesOf(root)) count += entries.length;
    assert.equal(count, 1500);
  });

  it('close the directory, also when no more is wanted', async (t) => {
    const root = temporaryDirectory(t);
    for (let index = 0; index < 3000; index += 1) writeFileSync(`${root}/${index}`, '');
    const opened: Dir[] = [];
    const opendir = promises.opendir.bind(promises);
    t.mock.method(promises, 'opendir', async (...args: Parameters<typeof opendir>) => {
      opened.push(await opendir(...args));
      return opened.at(-1);
    });
    for await (const entries of entriesOf(root)) if (entries.length > 0) break;
    for await (const entries of entriesOf(root)) assert.ok(entries.length > 0);
    assert.equal(opened.length, 2);
    for (const directory of opened) assert.throws(() => directory.readSync(), { code: 'ERR_DIR_CLOSED' });
    await assert.rejects(entriesOf(`${root}/missing`).next(), { code: 'ENOENT' });
  });
});
