/** Directories whose entries come in an order of the test's own. */
import { type Dirent, promises } from 'node:fs';
import type { TestContext } from 'node:test';

export interface Listing {
  /** Entries that were given so far. */
  given: number;
}

/** From now on, whoever opens a directory gets what `arrange` makes of its entries. */
export function arrangeEntries(t: TestContext, arrange: (entries: Dirent[]) => Dirent[] = (entries) => entries): Listing {
  const listing: Listing = { given: 0 };
  const opendir = promises.opendir.bind(promises);
  t.mock.method(promises, 'opendir', async (...args: Parameters<typeof opendir>) => {
    const entries: Dirent[] = [];
    for await (const entry of await opendir(...args)) entries.push(entry);
    const waiting = arrange(entries).values();
    const next = (): Dirent | null => {
      const { done, value } = waiting.next();
      if (done === true) return null;
      listing.given += 1;
      return value;
    };
    return { read: async () => next(), readSync: next, close: async () => undefined };
  });
  return listing;
}
