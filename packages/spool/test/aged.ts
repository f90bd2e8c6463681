import { type BigIntStats, type PathLike, promises, type StatOptions, type Stats } from 'node:fs';
import type { TestContext } from 'node:test';
import { files } from '../src/files.js';

/** Makes every file whose path matches look as if it was last changed so much earlier: no call can set a ctime. */
export function lookOlder(t: TestContext, pattern: RegExp, milliseconds: number): void {
  const aged = <S extends Stats | BigIntStats>(file: unknown, stats: S): S => {
    if (!pattern.test(String(file))) return stats;
    for (const key of ['ctimeMs', 'mtimeMs'] as const) {
      const value = stats[key];
      Object.assign(stats, { [key]: typeof value === 'bigint' ? value - BigInt(milliseconds) : value - milliseconds });
    }
    return stats;
  };
  const real = promises.lstat.bind(promises);
  t.mock.method(promises, 'lstat', async (file: PathLike, options?: StatOptions) => aged(file, await real(file, options)));
  const { lstat, lstatExact } = files;
  t.mock.method(files, 'lstat', async (file: Parameters<typeof lstat>[0]) => aged(file, await lstat(file)));
  t.mock.method(files, 'lstatExact', async (file: Parameters<typeof lstat>[0]) => aged(file, await lstatExact(file)));
}
