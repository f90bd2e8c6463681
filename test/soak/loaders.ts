import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NormalReader } from '@ssm/spool';
import { type Scope, startCommand } from '@ssm/test-support';
import type { FoundElement } from '../stage/ledger.js';
import { root } from '../support/services.js';
import { GrowingFile } from './growing-file.js';

const PAUSE_MS = 200;
const PURGE_MS = 5_000;

/** Empties an incoming volume while it is filled, as whoever loads the records does. */
export interface Loader {
  readonly title: string;
  /** Resolves when it has stopped; what it has taken has been noted by then. */
  stop(): Promise<void>;
}

type Note = (element: FoundElement) => void;

const textOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('utf8');

/** Lock, get, remove. A volume that is full or read-only for a while is no failure: what it holds is taken later. */
class OwnLoader implements Loader {
  readonly title = 'a loader of this program';
  readonly #queue: string;
  readonly #reader: NormalReader;
  readonly #note: Note;
  readonly #ended: Promise<void>;
  #stopped = false;

  constructor(queue: string, note: Note) {
    this.#queue = queue;
    this.#reader = new NormalReader({ path: queue });
    this.#note = note;
    this.#ended = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#ended;
  }

  async #run(): Promise<void> {
    let purged = performance.now();
    while (!this.#stopped) {
      try {
        for await (const name of this.#reader.names()) if (await this.#reader.lock(name)) await this.#take(name);
        if (performance.now() - purged > PURGE_MS) {
          purged = performance.now();
          await this.#reader.purge();
        }
      } catch {
        // The receivers say what is wrong with the volume.
      }
      await sleep(PAUSE_MS);
    }
  }

  /** What is locked here must not stay so: it is tried again until it is gone. */
  async #take(name: string): Promise<void> {
    const element = await this.#reader.get(name);
    const hash = createHash('sha256')
      .update(element.get('body') ?? '')
      .digest('hex');
    const directory = path.join(this.#queue, name);
    for (;;)
      try {
        await this.#reader.remove(name);
        break;
      } catch {
        // Once renamed it is out of the queue, whether its files could be removed or not.
        if (!existsSync(directory)) break;
        await sleep(PAUSE_MS);
      }
    this.#note({ id: textOf(element.get('empaid')), hash, path: directory });
  }
}

export function startOwnLoader(queue: string, note: Note): Promise<Loader> {
  return Promise.resolve(new OwnLoader(queue, note));
}

/** python3-dirq, as apel's loader uses it, in a process of its own. `log` is a file that it prints to. */
export async function startDirqLoader(scope: Scope, queue: string, log: string, note: Note): Promise<Loader> {
  const script = path.join(root, 'test', 'soak', 'loader.py');
  const child = await startCommand(scope, '/usr/bin/python3', [script, queue], { transcript: log });
  const lines = new GrowingFile(log);
  const read = (): void => {
    for (const line of lines.read()) if (line.startsWith('{')) note(JSON.parse(line) as FoundElement);
  };
  const timer = setInterval(read, PAUSE_MS);
  return {
    title: 'python3-dirq',
    stop: async () => {
      child.signal('SIGTERM');
      await child.exited;
      clearInterval(timer);
      read();
    },
  };
}
