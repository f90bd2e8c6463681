import type { Socket } from 'node:net';

/** Bytes given to the system in one write. Small enough to see that a slow connection moves, large enough to be quick. */
const WRITE_BYTES = 256 * 1024;

type Part = string | Uint8Array | (() => void);

/**
 * Joins what is written in one turn of the event loop into one write, and sees it through. stompit writes a frame in three pieces, each after
 * the one before it was taken: without this each goes out as a TCP segment (or TLS record) of its own.
 *
 * It takes everything at once. What waits here is bounded by its user: a window of frames.
 */
export class BatchWriter {
  readonly #socket: Socket;
  readonly #parts: Part[] = [];
  #running = false;
  #progressAt = performance.now();
  /** Since the beginning; a character counts as one. */
  #written = 0;
  /** Of that what the socket was given. */
  #handed = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** When the system last took something from us, or had nothing to take. `performance.now()` time. */
  get progressAt(): number {
    return this.#progressAt;
  }

  get idle(): boolean {
    return !this.#running;
  }

  /** To ask later whether the socket was given all that is written by now, but for its last `rest` characters. Until then it has surely not left. */
  untilHere(rest: number): () => boolean {
    const end = this.#written - rest;
    return () => this.#handed >= end;
  }

  /** stompit's side: a stream's write(), which never says no. */
  write(chunk: string | Uint8Array, _encoding?: unknown, taken?: () => void): true {
    this.#add(chunk);
    taken?.();
    return true;
  }

  /** stompit listens for the end of the stream here; it is the session that knows. */
  on(): this {
    return this;
  }

  /** Calls back when everything written so far has left for the network. */
  afterFlush(callback: () => void): void {
    this.#add(callback);
  }

  #add(part: Part): void {
    this.#parts.push(part);
    if (typeof part !== 'function') this.#written += part.length;
    if (this.#running) return;
    this.#running = true;
    this.#progressAt = performance.now();
    // Not nextTick: stompit needs several of those to hand a frame over.
    setImmediate(() => this.#run());
  }

  #run(): void {
    const { callbacks, chunks } = this.#takeBatch();
    const done = (): void => {
      this.#progressAt = performance.now();
      for (const callback of callbacks) callback();
      if (this.#parts.length > 0) this.#run();
      else this.#rest();
    };
    const last = chunks.pop();
    // A destroyed socket drops everything, and calls nobody back when the write was refused: the session ends by its own events.
    if (this.#socket.destroyed) this.#rest();
    else if (last === undefined) done();
    else {
      this.#socket.cork();
      for (const chunk of chunks) this.#socket.write(chunk);
      this.#socket.write(last, (error) => (error ? this.#rest() : done()));
      this.#socket.uncork();
    }
  }

  #rest(): void {
    this.#parts.length = 0;
    this.#running = false;
  }

  #takeBatch(): { callbacks: (() => void)[]; chunks: (string | Uint8Array)[] } {
    const callbacks: (() => void)[] = [];
    const chunks: (string | Uint8Array)[] = [];
    let room = WRITE_BYTES;
    let taken = 0;
    for (const part of this.#parts) {
      if (room <= 0) break;
      if (typeof part === 'function') callbacks.push(part);
      else if (typeof part === 'string' || part.length <= room) {
        chunks.push(part);
        room -= part.length;
      } else {
        chunks.push(part.subarray(0, room));
        this.#parts[taken] = part.subarray(room);
        break;
      }
      taken += 1;
    }
    this.#parts.splice(0, taken);
    for (const { length } of chunks) this.#handed += length;
    return { callbacks, chunks };
  }
}
