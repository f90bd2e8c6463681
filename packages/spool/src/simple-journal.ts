/** Which locks are ours: a `.lck` does not say whose it is. Kept in the owner file, read by our successor. */
import { promises as fs } from 'node:fs';
import type { ClaimsDirectory } from './claims-directory.js';
import { failedWith } from './faults.js';
import { unlinkIfThere } from './moves.js';

const LINE = /^([+-]) ([0-9a-f]{8}\/[0-9a-f]{14})(?: (-?\d{1,16}))?$/;

export class Journal {
  readonly #claims: ClaimsDirectory;
  readonly #root: string;
  readonly #held = new Map<string, string>();

  constructor(claims: ClaimsDirectory, root: string) {
    this.#claims = claims;
    this.#root = root;
  }

  /** Of everything claimed now. */
  lines(): Iterable<string> {
    return this.#held.values();
  }

  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  /** `time` (ms) is that of the lock file: one that has another was locked by somebody else meanwhile. */
  async note(name: string, time: number): Promise<void> {
    const line = `+ ${name} ${Math.round(time)}`;
    this.#held.set(name, line);
    await this.#claims.owner.note(line);
  }

  async noteEnd(name: string): Promise<void> {
    this.#held.delete(name);
    await this.#claims.owner.note(`- ${name}`);
  }

  /** Frees the locks of dead owners. */
  async freeOthers(): Promise<number> {
    return await this.#claims.freeOthers(async (_token, lines) => {
      let freed = 0;
      for (const [name, time] of claimed(lines)) if (await this.#free(`${this.#root}/${name}.lck`, time)) freed += 1;
      return freed;
    });
  }

  async #free(lock: string, time: number): Promise<boolean> {
    try {
      if (Math.round((await fs.lstat(lock)).mtimeMs) !== time) return false;
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return false;
      throw error;
    }
    return await unlinkIfThere(lock);
  }
}

function claimed(lines: readonly string[]): Map<string, number> {
  const names = new Map<string, number>();
  for (const line of lines) {
    const [, sign, name, time] = LINE.exec(line) ?? [];
    if (name === undefined) continue;
    if (sign === '+' && time !== undefined) names.set(name, Number(time));
    else names.delete(name);
  }
  return names;
}
