import { stat } from 'node:fs/promises';
import path from 'node:path';
import { entriesOf, namesIn } from '@ssm/spool';

export interface Usage {
  readonly elements: number;
  readonly bytes: number;
}

const NOTHING: Usage = { elements: 0, bytes: 0 };

function sum(a: Usage, b: Usage): Usage {
  return { elements: a.elements + b.elements, bytes: a.bytes + b.bytes };
}

/** How much a queue holds: measured now and then, since others take from it, and what is added meanwhile. */
export class QueueUsage {
  readonly #root: string;
  #counted: Usage = NOTHING;
  /** Promised, and not yet stored. */
  #promised: Usage = NOTHING;
  /** Stored since the measurement under way began: it may have missed that. */
  #missed: Usage = NOTHING;
  #measuring: Promise<void> | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  get now(): Usage {
    return sum(this.#counted, this.#promised);
  }

  /** Takes room for one element, until it is settled. false: that would be more than the limit. */
  promise(bytes: number, limit: Usage): boolean {
    const { now } = this;
    if (now.elements + 1 > limit.elements || now.bytes + bytes > limit.bytes) return false;
    this.#promised = sum(this.#promised, { elements: 1, bytes });
    return true;
  }

  settle(bytes: number, isStored: boolean): void {
    this.#promised = sum(this.#promised, { elements: -1, bytes: -bytes });
    if (!isStored) return;
    this.#counted = sum(this.#counted, { elements: 1, bytes });
    this.#missed = sum(this.#missed, { elements: 1, bytes });
  }

  /** One measurement at a time: who asks meanwhile waits for the same. */
  async measure(signal: AbortSignal): Promise<void> {
    this.#measuring ??= this.#measure(signal).finally(() => {
      this.#measuring = undefined;
    });
    await this.#measuring;
  }

  async #measure(signal: AbortSignal): Promise<void> {
    this.#missed = NOTHING;
    const found = await measureQueue(this.#root, signal);
    this.#counted = sum(found, this.#missed);
  }
}

/** Elements and bytes of a dirq Normal queue. Others take elements meanwhile: what vanishes is not counted. */
export async function measureQueue(root: string, signal: AbortSignal): Promise<Usage> {
  let elements = 0;
  let bytes = 0;
  for await (const directory of namesLike(root, /^[0-9a-f]{8}$/)) {
    for await (const element of namesLike(path.join(root, directory), /^[0-9a-f]{14}$/)) {
      signal.throwIfAborted();
      elements += 1;
      bytes += await sizeOfElement(path.join(root, directory, element));
    }
  }
  return { elements, bytes };
}

async function sizeOfElement(element: string): Promise<number> {
  let bytes = 0;
  for (const file of await namesIn(element)) if (/^[0-9a-z]+$/.test(file)) bytes += await sizeOfFile(path.join(element, file));
  return bytes;
}

async function sizeOfFile(file: string): Promise<number> {
  try {
    const stats = await stat(file);
    return stats.isFile() ? stats.size : 0;
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
}

async function* namesLike(directory: string, pattern: RegExp): AsyncGenerator<string> {
  try {
    for await (const entries of entriesOf(directory)) for (const { name } of entries) if (pattern.test(name)) yield name;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
