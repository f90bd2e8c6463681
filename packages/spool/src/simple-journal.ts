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

  /** `times` (ms): those that the lock file may have while it is ours. One that has another was locked by somebody else. */
  note(name: string, ...times: readonly number[]): Promise<void> {
    const lines = times.map((time) => `+ ${name} ${Math.round(time)}`).join('\n');
    this.#held.set(name, lines);
    return this.#claims.owner.note(lines);
  }

  /** The element is gone: its lock is nobody's, and a line that comes late does no harm. */
  noteGone(name: string): void {
    this.#held.delete(name);
    this.#claims.owner.noteLater(`- ${name}`);
  }

  /** The element is free again. */
  noteEnd(name: string): Promise<void> {
    this.#held.delete(name);
    return this.#claims.owner.note(`- ${name}`);
  }

  /** Frees the locks of dead owners. */
  async freeOthers(): Promise<number> {
    return await this.#claims.freeOthers(async (_token, lines) => {
      let freed = 0;
      for (const [name, times] of claimed(lines)) if (await this.#free(`${this.#root}/${name}.lck`, times)) freed += 1;
      return freed;
    });
  }

  async #free(lock: string, times: ReadonlySet<number>): Promise<boolean> {
    try {
      const { mtimeMs } = await fs.lstat(lock);
      // Some file systems keep whole seconds only.
      if (![...times].some((time) => time === Math.round(mtimeMs) || time - (time % 1000) === mtimeMs)) return false;
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return false;
      throw error;
    }
    return await unlinkIfThere(lock);
  }
}

function claimed(lines: readonly string[]): Map<string, Set<number>> {
  const names = new Map<string, Set<number>>();
  for (const line of lines) {
    const [, sign, name, time] = LINE.exec(line) ?? [];
    if (name === undefined) continue;
    if (sign === '+' && time !== undefined) names.set(name, (names.get(name) ?? new Set()).add(Number(time)));
    else names.delete(name);
  }
  return names;
}
