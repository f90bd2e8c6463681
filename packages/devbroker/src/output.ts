import type { Socket } from 'node:net';

/** Beyond so many bytes that the client has not taken, it gets no more messages for the time being. */
const CONGESTED_BYTES = 1024 * 1024;
/** From so many bytes on, a copy costs more than a write of its own. */
const LARGE_BYTES = 32 * 1024;
const NUL = Buffer.from([0]);

interface Batch {
  /** Not before; 0 is at once. It waits for the batches before it in any case. */
  readonly due: number;
  readonly bytes: number;
  readonly pieces: readonly Buffer[];
}

/** What goes to one client: in order, everything of one turn in one write, late or not at all when a fault says so. */
export class Output {
  /** Milliseconds that what is sent from now on is late. */
  delayMs = 0;
  readonly #socket: Socket;
  /** Called when there may be room for more messages. */
  readonly #onRoom: () => void;
  readonly #batches: Batch[] = [];
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #batchBytes = 0;
  #held = false;
  #ending = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, onRoom: () => void) {
    this.#socket = socket;
    this.#onRoom = onRoom;
    socket.on('drain', onRoom);
  }

  /** Bytes that the client has not taken. */
  get backlog(): number {
    return this.#pieceBytes + this.#batchBytes + this.#socket.writableLength;
  }

  get congested(): boolean {
    return this.backlog > CONGESTED_BYTES;
  }

  /** `head` up to and including the blank line. */
  frame(head: string, body?: Buffer): void {
    this.#add(Buffer.from(head));
    if (body !== undefined && body.length > 0) this.#add(body);
    this.#add(NUL);
  }

  heartbeat(): void {
    this.#add(Buffer.from('\n'));
  }

  /** Keeps everything back until it is called with false. */
  hold(held: boolean): void {
    this.#held = held;
    this.#run();
  }

  /** Writes now what would go out at the end of this turn. */
  flush(): void {
    if (this.#pieces.length === 0) return;
    const due = this.delayMs > 0 ? performance.now() + this.delayMs : 0;
    this.#batches.push({ due, bytes: this.#pieceBytes, pieces: this.#pieces });
    this.#batchBytes += this.#pieceBytes;
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.#run();
  }

  /** Ends the stream when everything is out. */
  end(): void {
    this.#ending = true;
    this.flush();
    this.#run();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#batches.length = 0;
    this.#pieces = [];
  }

  #add(bytes: Buffer): void {
    if (this.#pieces.length === 0) queueMicrotask(() => this.flush());
    this.#pieces.push(bytes);
    this.#pieceBytes += bytes.length;
  }

  #run(): void {
    clearTimeout(this.#timer);
    if (this.#held) return;
    let wrote = false;
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      const early = batch.due === 0 ? 0 : batch.due - performance.now();
      if (early > 0) {
        this.#timer = setTimeout(() => this.#run(), early);
        return;
      }
      this.#batches.shift();
      this.#batchBytes -= batch.bytes;
      this.#write(batch);
      wrote = true;
    }
    if (this.#ending) this.#socket.end();
    else if (wrote && !this.#socket.writableNeedDrain) this.#onRoom();
  }

  /** Small pieces joined, large ones as they are, and one system call for all where possible. */
  #write(batch: Batch): void {
    if (this.#socket.destroyed) return;
    this.#socket.cork();
    let joined: Buffer[] = [];
    for (const piece of batch.pieces) {
      if (piece.length < LARGE_BYTES) {
        joined.push(piece);
        continue;
      }
      this.#socket.write(Buffer.concat(joined));
      this.#socket.write(piece);
      joined = [];
    }
    if (joined.length > 0) this.#socket.write(Buffer.concat(joined));
    this.#socket.uncork();
  }
}
