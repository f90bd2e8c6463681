import type { Socket } from 'node:net';

/** Read ahead of the sink at most so much; beyond it the source feels back-pressure, as on a network that stalls. */
const MAXIMUM_QUEUED_BYTES = 1024 * 1024;
/** Throttling sends so many slices a second. */
const SLICES_PER_SECOND = 20;

export interface Shape {
  readonly blocked: boolean;
  readonly delayMs: number;
  readonly bytesPerSecond: number;
}

interface Item {
  readonly arrived: number;
  /** Undefined: the end of the stream. */
  readonly bytes: Buffer | undefined;
}

/** One direction of a proxied connection. */
export class Pump {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #count: (bytes: number) => void;
  readonly #queue: Item[] = [];
  #queued = 0;
  #shape: Shape = { blocked: false, delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };
  #timer: NodeJS.Timeout | undefined;
  #waitsForDrain = false;
  #stopped = false;

  constructor(source: Socket, sink: Socket, count: (bytes: number) => void) {
    this.#source = source;
    this.#sink = sink;
    this.#count = count;
    source.on('data', (bytes: Buffer) => this.#add(bytes));
    source.on('end', () => this.#add(undefined));
    sink.on('drain', () => {
      this.#waitsForDrain = false;
      this.#run();
    });
  }

  shape(shape: Shape): void {
    this.#shape = shape;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#run();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #add(bytes: Buffer | undefined): void {
    this.#queue.push({ arrived: performance.now(), bytes });
    this.#queued += bytes?.length ?? 0;
    if (this.#queued > MAXIMUM_QUEUED_BYTES) this.#source.pause();
    this.#run();
  }

  #run(): void {
    while (!this.#stopped && !this.#shape.blocked && this.#timer === undefined && !this.#waitsForDrain) {
      const item = this.#queue[0];
      if (item === undefined) return;
      const early = item.arrived + this.#shape.delayMs - performance.now();
      if (early > 0) this.#again(early);
      else this.#forward(item);
    }
  }

  #again(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#run();
    }, ms);
  }

  #forward(item: Item): void {
    this.#queue.shift();
    if (item.bytes === undefined) {
      this.#sink.end();
      return;
    }
    const slice = Math.max(1, Math.floor(this.#shape.bytesPerSecond / SLICES_PER_SECOND));
    const now = item.bytes.subarray(0, slice);
    if (now.length < item.bytes.length) this.#queue.unshift({ arrived: item.arrived, bytes: item.bytes.subarray(slice) });
    this.#queued -= now.length;
    if (this.#queued <= MAXIMUM_QUEUED_BYTES && this.#source.isPaused()) this.#source.resume();
    this.#count(now.length);
    this.#waitsForDrain = !this.#sink.write(now);
    if (Number.isFinite(this.#shape.bytesPerSecond)) this.#again((now.length / this.#shape.bytesPerSecond) * 1000);
  }
}
