import { execFile } from 'node:child_process';
import { unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { DemoPki } from '@ssm/test-support';
import { type BareOptions, barePublisher } from './bare-stomp.js';

const execute = promisify(execFile);

/** Messages a second by the `openssl` command for each message and one receipt at a time. Rejects with ENOENT where there is no `openssl`. */
export async function forkRate(directory: string, { sites: [site] }: DemoPki, options: BareOptions, milliseconds: number): Promise<number> {
  const publisher = await barePublisher(options);
  const file = path.join(directory, 'fork-way');
  const args = ['smime', '-sign', '-text', '-signer', site.certificatePath, '-inkey', site.keyPath, '-in', file];
  const start = performance.now();
  let done = 0;
  try {
    while (performance.now() - start < milliseconds) {
      await writeFile(file, '0123456789abcdef'.repeat(64));
      const { stdout } = await execute('openssl', args, { encoding: 'latin1' });
      await publisher.send(stdout);
      await unlink(file);
      done += 1;
    }
    return (done * 1000) / (performance.now() - start);
  } finally {
    publisher.close();
  }
}
