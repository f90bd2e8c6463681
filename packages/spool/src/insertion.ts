/** Which numbered directory of a dirq Normal queue takes the next element. */
import { entriesOf } from './entries.js';
import { failedWith } from './faults.js';
import { isDirectoryName, isElementName, numberedDirectory } from './names.js';

/** Elements after which we look again: other processes insert too, and begin new directories. */
const LOOK_AFTER = 1000;
const LAST = 0xff_ff_ff_ff;

export class Insertion {
  readonly #root: string;
  readonly #size: number;
  #current: string | undefined;
  /** Elements that may still go into the current directory before we look again. */
  #left = 0;
  #looking: Promise<string> | undefined;

  constructor(root: string, size: number) {
    this.#root = root;
    this.#size = size;
  }

  /** A directory with room. It may not exist (yet, or any more). */
  async choose(): Promise<string> {
    if (this.#current !== undefined && this.#left > 0) {
      this.#left -= 1;
      return this.#current;
    }
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return await this.#looking;
  }

  /** What choose() would answer; nothing is remembered. */
  async next(): Promise<string> {
    return this.#current !== undefined && this.#left > 0 ? this.#current : (await this.#found()).directory;
  }

  /** The directory takes no more, whatever it holds. */
  full(directory: string): void {
    if (this.#current !== directory) return;
    this.#current = following(directory);
    this.#left = LOOK_AFTER;
  }

  async #look(): Promise<string> {
    const { directory, room } = await this.#found();
    this.#current = directory;
    // Every waiting caller takes one without being counted: close enough, the size is a rule of thumb.
    this.#left = Math.min(room, LOOK_AFTER);
    return directory;
  }

  async #found(): Promise<{ readonly directory: string; readonly room: number }> {
    const newest = (await newestDirectory(this.#root)) ?? numberedDirectory(0);
    const room = this.#size - (await countElements(`${this.#root}/${newest}`, this.#size));
    return room > 0 ? { directory: newest, room } : { directory: following(newest), room: this.#size };
  }
}

function following(directory: string): string {
  return numberedDirectory(Math.min(Number.parseInt(directory, 16) + 1, LAST));
}

/** undefined: none yet. */
export async function newestDirectory(root: string): Promise<string | undefined> {
  let newest: string | undefined;
  for await (const entries of entriesOf(root))
    for (const { name } of entries) if (isDirectoryName(name) && (newest === undefined || name > newest)) newest = name;
  return newest;
}

async function countElements(directory: string, limit: number): Promise<number> {
  let count = 0;
  try {
    for await (const entries of entriesOf(directory)) {
      count += entries.filter(({ name }) => isElementName(name)).length;
      if (count >= limit) break;
    }
  } catch (error) {
    if (!failedWith(error, 'ENOENT')) throw error;
  }
  return count;
}
