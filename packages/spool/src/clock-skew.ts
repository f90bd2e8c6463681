/** Files are stamped by the clock of their volume, which a file server has of its own. */
import { promises as fs } from 'node:fs';

/** Milliseconds that the clock of the volume is ahead of `now`. `probe`: a new path there, where an empty file is for a moment. */
export async function clockSkew(probe: string, now: () => Date): Promise<number> {
  await fs.writeFile(probe, '', { flag: 'wx' });
  try {
    return (await fs.lstat(probe)).ctimeMs - now().getTime();
  } finally {
    await fs.unlink(probe);
  }
}
