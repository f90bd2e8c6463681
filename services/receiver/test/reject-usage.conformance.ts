/** On a file system whose directories do not say what their entries are: ext4 without the feature `filetype`, in a file, by a loop device. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs, { mkdirSync, type PathLike, renameSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { createStagingQueue } from '@ssm/spool';
import { requireTools, temporaryDirectory } from '@ssm/test-support';

function command(name: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(name, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

describe('usage of a queue', { skip: requireTools('root', 'mkfs.ext4') }, () => {
  it('counts all others when an element vanishes while it looks', async (t) => {
    let root = '';
    // What is registered first is done first.
    t.after(() => void spawnSync('umount', ['-l', root]));
    const image = path.join(temporaryDirectory(t), 'image');
    writeFileSync(image, '');
    truncateSync(image, 16 * 1024 * 1024);
    command('mkfs.ext4', '-q', '-F', '-O', '^filetype', image);
    root = temporaryDirectory(t);
    command('mount', '-o', 'loop', image, root);
    for (let index = 0; index < 20; index += 1) {
      const element = `${root}/00000000/65a0b1c2d3e4${index.toString(16).padStart(2, '0')}`;
      mkdirSync(element, { recursive: true });
      writeFileSync(`${element}/body`, 'x');
    }
    const real = fs.lstatSync.bind(fs);
    t.mock.method(fs, 'lstatSync', (file: PathLike, ...rest: []) => {
      if (String(file).endsWith('65a0b1c2d3e402')) renameSync(file, `${root}/taken`);
      return real(file, ...rest);
    });
    const { elements, bytes } = await createStagingQueue({ path: root, instance: 'test' }).usage(new AbortController().signal);
    assert.ok(elements >= 19 && bytes >= 19, `${elements} elements, ${bytes} bytes`);
  });
});
