/** What is needed of a frame that arrives: its body is a stream that must be read, or nothing behind it comes. */
export interface IncomingFrame {
  readonly command: string;
  /** stompit makes content-length a number. */
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  resume(): unknown;
}

/** A body read to its end; without `bytes` when it was larger than the limit. */
export interface Body {
  readonly size: number;
  readonly bytes: Uint8Array | undefined;
}

export function announcedSize(frame: IncomingFrame): number | undefined {
  const size = frame.headers['content-length'];
  return typeof size === 'number' ? size : undefined;
}

export interface Store {
  add(chunk: Buffer): void;
  bytes(): Buffer;
}

/** One buffer of the announced size. Chunks are copied: a small one would keep the 64 KiB alive that were read from the socket with it. */
function fixedStore(size: number): Store {
  const whole = Buffer.allocUnsafeSlow(size);
  let used = 0;
  return {
    add: (chunk) => {
      used += chunk.copy(whole, used);
    },
    bytes: () => whole,
  };
}

const FIRST_BYTES = 4096;

/** One buffer that doubles. Chunks are copied here too: kept, one of a single byte takes some hundred. */
export function growingStore(): Store {
  let room = Buffer.allocUnsafeSlow(FIRST_BYTES);
  let used = 0;
  return {
    add: (chunk) => {
      const needed = used + chunk.length;
      if (needed > room.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * room.length));
        room.copy(larger, 0, 0, used);
        room = larger;
      }
      used += chunk.copy(room, used);
    },
    bytes: () => Buffer.from(room.subarray(0, used)),
  };
}

/** Reads a body to its end whatever its size, keeping at most `limit` bytes. `moved` is told of bytes as they come in. */
export function readBody(frame: IncomingFrame, limit: number, moved: (bytes: number) => void, done: (body: Body) => void): void {
  const announced = announcedSize(frame);
  let size = 0;
  let store: Store | undefined;
  if (announced === undefined) store = growingStore();
  else if (announced <= limit) store = fixedStore(announced);
  frame.on('data', (chunk) => {
    moved(chunk.length);
    size += chunk.length;
    if (size > limit) store = undefined;
    store?.add(chunk);
  });
  frame.on('end', () => {
    const bytes = store?.bytes();
    // The frame stays until the next one comes.
    store = undefined;
    done({ size, bytes });
  });
}
