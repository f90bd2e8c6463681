/** Directories whose entries come in an order of the test's own, or without their types. */
import { type Dirent, lstatSync, promises, type Stats } from 'node:fs';
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

/** What Node.js makes of an entry whose type it had to look up. */
class LookedUp {
  readonly name: string;
  readonly #stats: Stats;

  constructor(name: string, stats: Stats) {
    this.name = name;
    this.#stats = stats;
  }

  isDirectory(): boolean {
    return this.#stats.isDirectory();
  }
}

/** A file system of its own that does not say what entries are. `shows`: of this many it does. `onLook` is called before an entry is looked at. */
export function hideTypes(t: TestContext, onLook: (file: string) => void, shows = 0): void {
  const type = Math.random();
  t.mock.method(promises, 'statfs', async () => ({ type }));
  const opendir = promises.opendir.bind(promises);
  t.mock.method(promises, 'opendir', async (directory: string, { bufferSize, encoding }: { bufferSize: number; encoding: 'utf8' }) => {
    const entries: Dirent[] = [];
    for await (const entry of await opendir(directory, { encoding })) entries.push(entry);
    const portion: (Dirent | LookedUp)[] = [];
    let given = 0;
    const next = (): Dirent | LookedUp | null => {
      if (portion.length === 0)
        for (const entry of entries.splice(0, bufferSize)) {
          given += 1;
          if (given > shows) onLook(`${directory}/${entry.name}`);
          portion.push(given > shows ? new LookedUp(entry.name, lstatSync(`${directory}/${entry.name}`)) : entry);
        }
      return portion.shift() ?? null;
    };
    return { read: async () => next(), readSync: next, close: async () => undefined };
  });
}
