import { once } from 'node:events';
import { closeSync, constants, fsync, mkdirSync, openSync, readFileSync, renameSync, write } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type BareOptions, bareReceiver } from './bare-stomp.js';
import { type BarestResult, Meter } from './barest-meter.js';
import type { OpenerData } from './barest-opener.js';
import type { Times } from './plan.js';

// The barest receiver: what a receiver that loses and doubles nothing cannot do without, and nothing else. Open, stage, record, rename, acknowledge.

/** The only argument, as JSON. The destination holds what the barest sender sent. */
export interface BarestReceiverTask extends BareOptions, Times {
  /** A new directory, where elements go. */
  readonly directory: string;
  readonly keyPath: string;
  readonly certificatePath: string;
  readonly encrypted: boolean;
  /** That there are; should they not last, nothing was measured. */
  readonly messages: number;
  /** Of a message on the wire, about. */
  readonly bytes: number;
}

const WINDOW = 100;
const SIGNER = Buffer.from('/C=UK/O=eScience/CN=host.example.org');

const { O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_SYNC, O_WRONLY } = constants;
const writeAsync = promisify(write);
const syncAsync = promisify(fsync);

/** A file that is durable when this resolves, but for its name. */
async function create(file: string, bytes: Uint8Array): Promise<void> {
  const descriptor = openSync(file, O_CREAT | O_EXCL | O_SYNC | O_WRONLY);
  const { bytesWritten } = await writeAsync(descriptor, bytes);
  if (bytesWritten !== bytes.length) throw new Error(`${file}: ${bytesWritten} of ${bytes.length} bytes were written`);
  closeSync(descriptor);
}

async function syncOnce(directory: string): Promise<void> {
  const descriptor = openSync(directory, O_RDONLY | O_DIRECTORY);
  await syncAsync(descriptor);
  closeSync(descriptor);
}

/** A directory whose names are made durable for many at a time. */
class SharedDirectory {
  readonly path: string;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(directory: string) {
    this.path = directory;
    mkdirSync(directory, { recursive: true });
  }

  sync(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      this.#running = syncOnce(this.path);
      return this.#running;
    });
    return this.#next;
  }
}

/** Has a thread open messages: those that come in the same turn of the event loop together. */
class Opener {
  readonly #thread: Worker;
  readonly #waiting: ((body: Uint8Array) => void)[] = [];
  #messages: string[] = [];

  constructor(data: OpenerData) {
    this.#thread = new Worker(new URL('./barest-opener.js', import.meta.url), { workerData: data });
    this.#thread.on('message', (bodies: Uint8Array[]) => {
      for (const [index, opened] of this.#waiting.splice(0, bodies.length).entries()) opened(bodies[index] as Uint8Array);
    });
  }

  open(message: string): Promise<Uint8Array> {
    if (this.#messages.push(message) === 1)
      setImmediate(() => {
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a browser's window
        this.#thread.postMessage(this.#messages);
        this.#messages = [];
      });
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }
}

class Store {
  readonly #staging: SharedDirectory;
  readonly #target: SharedDirectory;
  readonly #record: SharedDirectory;
  #next = 0;

  constructor(directory: string) {
    const shared = (name: string): SharedDirectory => new SharedDirectory(path.join(directory, name));
    [this.#staging, this.#target, this.#record] = [shared('staging'), shared('target'), shared('record')];
  }

  async add(body: Uint8Array): Promise<void> {
    this.#next += 1;
    const name = String(this.#next);
    const element = `${this.#staging.path}/${name}`;
    mkdirSync(element);
    const files = Object.entries({ body, signer: SIGNER, empaid: Buffer.from(name) });
    await Promise.all([...files.map(([file, bytes]) => create(`${element}/${file}`, bytes)), syncOnce(element), this.#staging.sync()]);
    await create(`${this.#record.path}/${name}`, Buffer.from(name));
    await this.#record.sync();
    renameSync(element, `${this.#target.path}/${name}`);
    await this.#target.sync();
  }
}

async function run(task: BarestReceiverTask): Promise<BarestResult | null> {
  const { certificatePath, directory, encrypted, keyPath, messages } = task;
  const opener = new Opener({ key: readFileSync(keyPath, 'utf8'), certificate: readFileSync(certificatePath, 'utf8'), encrypted });
  const store = new Store(directory);
  const meter = new Meter(task);
  const over = new AbortController();
  let done = 0;
  const receive = async (frame: string, acknowledge: () => void): Promise<void> => {
    await store.add(await opener.open(frame.slice(frame.indexOf('\n\n') + 2)));
    acknowledge();
    meter.count();
    done += 1;
    if (meter.isOver() || done === messages) over.abort();
  };
  const end = await bareReceiver(task, { messages: WINDOW, bytes: task.bytes }, (frame, acknowledge) => void receive(frame, acknowledge));
  await once(over.signal, 'abort');
  end();
  await opener.close();
  return meter.isOver() ? meter.result() : null;
}

process.stdout.write(`${JSON.stringify(await run(JSON.parse(process.argv[2] ?? '') as BarestReceiverTask))}\n`);
