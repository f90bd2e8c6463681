/** Directories that do not say what their entries are (DT_UNKNOWN): ext4 without the feature `filetype`, in a file, by a loop device. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs, {
  linkSync,
  mkdirSync,
  type PathLike,
  readdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { requireTools, temporaryDirectory } from '@ssm/test-support';
import { FileDeliveryRecord } from '../src/delivery-record.js';
import { NormalQueue } from '../src/normal-queue.js';
import { PlainDirectory } from '../src/plain-directory.js';
import { SimpleQueue } from '../src/simple-queue.js';
import { addTo, MINUTE, namesOf } from './support.js';

function command(name: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(name, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

function mounted(t: TestContext): string {
  let directory = '';
  // What is registered first is done first.
  t.after(() => void spawnSync('umount', ['-l', directory]));
  const image = `${temporaryDirectory(t)}/image`;
  writeFileSync(image, '');
  truncateSync(image, 16 * 1024 * 1024);
  command('mkfs.ext4', '-q', '-F', '-O', '^filetype', image);
  directory = temporaryDirectory(t);
  command('mount', '-o', 'loop', image, directory);
  return directory;
}

/** `vanish` is called before Node.js itself looks what an entry is. */
function beforeLook(t: TestContext, vanish: (file: string) => void): void {
  const real = fs.lstatSync.bind(fs);
  t.mock.method(fs, 'lstatSync', (file: PathLike, ...rest: []) => {
    vanish(String(file));
    return real(file, ...rest);
  });
}

describe('a file system whose directories do not say what their entries are', { skip: requireTools('root', 'mkfs.ext4') }, () => {
  it('loses no element of a dirq queue when others vanish while it is read', async (t) => {
    const root = `${mounted(t)}/outgoing`;
    mkdirSync(root);
    const queue = new SimpleQueue({ path: root, layout: 'dirq', instance: 'x' });
    await queue.start();
    t.after(() => queue.close());
    mkdirSync(`${root}/66000000`);
    const names = Array.from({ length: 3000 }, (_, index) => `66000000/66000000${index.toString(16).padStart(6, '0')}`);
    for (const name of names) writeFileSync(`${root}/${name}`, '');
    for (const name of names.slice(0, 10)) linkSync(`${root}/${name}`, `${root}/${name}.lck`);
    mkdirSync(`${root}/66000000/66000000ffffff`);
    mkdirSync(`${root}/66000001`);
    symlinkSync('66000000', `${root}/66000002`);
    beforeLook(t, (file) => {
      if (file.endsWith('.lck')) unlinkSync(file);
    });
    const scan = queue.scan();
    const found = new Set(await namesOf(scan));
    assert.deepEqual(
      names.slice(10).filter((name) => !found.has(name)),
      [],
    );
    assert.equal(scan.statistics.ignored, 2, 'a directory with the name of an element, and a link');
    assert.equal((await queue.purge()).directories, 0, 'the newest stays');
  });

  it('gives every name of a plain directory, whatever its bytes', async (t) => {
    const root = mounted(t);
    const queue = new PlainDirectory({ path: root, layout: 'directory', instance: 'x', stabilityMs: 0 });
    await queue.start();
    t.after(() => queue.close());
    for (const name of ['a', 'Zürich', '𝄞']) writeFileSync(`${root}/${name}`, name);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x61])]), '');
    mkdirSync(`${root}/directory`);
    symlinkSync('a', `${root}/link`);
    assert.deepEqual(new Set(await namesOf(queue.scan())), new Set(['a', 'Zürich', '𝄞', '\udcffa', 'link']));
    const claim = await queue.claim('Zürich');
    assert.equal(Buffer.from((await claim?.read(100))?.body ?? []).toString(), 'Zürich');
  });

  it('counts what it has, and lists what was delivered, while entries vanish', async (t) => {
    const root = mounted(t);
    const queue = new NormalQueue({ path: `${root}/incoming`, instance: 'x' });
    await queue.start();
    for (let index = 0; index < 20; index += 1) await addTo(queue, { body: `${index}` });
    const record = new FileDeliveryRecord({ path: `${root}/record` });
    await record.start();
    for (let index = 0; index < 20; index += 1) await record.claim(`${index}`, `.staging/a/${index}`);
    const [directory = ''] = readdirSync(`${root}/incoming`).filter((name) => /^[0-9a-f]{8}$/.test(name));
    const [element = ''] = readdirSync(`${root}/incoming/${directory}`);
    const [pending = ''] = readdirSync(`${root}/record/pending`);
    beforeLook(t, (file) => {
      if (path.basename(file) === element) renameSync(file, `${root}/taken`);
      if (path.basename(file) === pending) unlinkSync(file);
    });
    assert.ok((await queue.depth(MINUTE)).elements >= 19);
    let count = 0;
    for await (const { id } of record.entries()) count += id === '' ? 0 : 1;
    assert.ok(count >= 19, `${count} entries`);
    assert.equal(await record.expire(0, new Date()), 0);
  });
});
