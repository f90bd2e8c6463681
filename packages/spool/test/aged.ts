import { type PathLike, promises, type StatOptions } from 'node:fs';
import type { TestContext } from 'node:test';

/** Makes every file whose path matches look as if it was last changed so much earlier: no call can set a ctime. */
export function lookOlder(t: TestContext, pattern: RegExp, milliseconds: number): void {
  const real = promises.lstat.bind(promises);
  t.mock.method(promises, 'lstat', async (file: PathLike, options?: StatOptions) => {
    const stats = await real(file, options);
    if (!pattern.test(String(file))) return stats;
    for (const key of ['ctimeMs', 'mtimeMs'] as const) {
      const value = stats[key];
      Object.assign(stats, { [key]: typeof value === 'bigint' ? value - BigInt(milliseconds) : value - milliseconds });
    }
    return stats;
  });
}
