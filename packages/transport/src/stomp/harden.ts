import { growingStore, type IncomingFrame, type Store } from './body.js';

const LF = 0x0a;

/**
 * Headers that somebody here reads. Which others a MESSAGE has, how many and how long they are, is for its sender to choose: they are passed over, as
 * a frame that is refused ends the connection, again at each delivery of that message.
 */
const READ: ReadonlySet<string> = new Set([
  'ack',
  'content-length',
  'empa-id',
  'heart-beat',
  'message',
  'message-id',
  'receipt-id',
  'redelivered',
  'server',
  'subscription',
  'version',
]);
/** Bytes of one of these. A longer one is passed over too: it can only be an id that a sender has made. */
const MAX_LINE_LENGTH = 1024 * 1024;

/** stompit's parser, bytes in and frames out: what we use of it. */
interface FrameStream {
  setVersion(version: string): boolean;
  write(chunk: Uint8Array): boolean;
  end(): unknown;
  destroy(error?: Error): unknown;
  on(event: 'readable' | 'drain' | 'end', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  read(): IncomingFrame | null;
}

/** What it has and calls of itself besides. */
interface Internals {
  readonly _chunk: Buffer;
  readonly _headers: Record<string, string | undefined>;
  readonly _consume: (bytes: number) => void;
  _beginBody: () => void;
  _continueTransform: () => void;
  _parseLine: () => string | null;
}

/** The line that is being read, of which a chunk may hold a part. */
class Line {
  #begun: Store | undefined;
  #length = 0;

  add(part: Buffer): void {
    this.#length += part.length;
    this.#begun = this.#length > MAX_LINE_LENGTH ? undefined : (this.#begun ?? growingStore());
    this.#begun?.add(part);
  }

  /** With its last part, the beginning of a chunk, and without CR at its end; undefined when it is too long. The next one begins. */
  end(chunk: Buffer, length: number): string | undefined {
    const isWhole = this.#length === 0 && length <= MAX_LINE_LENGTH;
    const text = isWhole ? chunk.toString('utf8', 0, length) : this.#join(chunk.subarray(0, length));
    return text?.endsWith('\r') === true ? text.slice(0, -1) : text;
  }

  #join(last: Buffer): string | undefined {
    this.add(last);
    const text = this.#begun?.bytes().toString();
    this.#begun = undefined;
    this.#length = 0;
    return text;
  }
}

/** Which lines stompit is to see: commands, what is read here, and what is no header, for it to refuse. */
class Head {
  #isBegun = false;
  #isNamed = false;
  /** Where the content-length is: before the message-id, or behind it as the last line so far, or with others behind it. */
  #length: 'none' | 'first' | 'last' | 'amid' = 'none';

  /** That is where Artemis puts the headers of whoever sent a message. Its own content-length is before or behind all of them. */
  get hasForeignLength(): boolean {
    return this.#length === 'amid';
  }

  /** null: it is passed over. `line` is undefined where it is too long. */
  kept(line: string | undefined): string | null {
    const isHeader = this.#isBegun;
    this.#isBegun = line !== '';
    if (!isHeader) return this.#begin(line);
    if (line === '') return line;
    const colon = line?.indexOf(':') ?? 0;
    const name = line?.slice(0, Math.max(0, colon)) ?? '';
    this.#note(name);
    return line !== undefined && (colon === -1 || READ.has(name)) ? line : null;
  }

  #begin(command: string | undefined): string {
    if (command === undefined) throw new Error('a command that is too long');
    this.#isNamed = false;
    this.#length = 'none';
    return command;
  }

  #note(name: string): void {
    if (this.#length === 'last') this.#length = 'amid';
    if (name === 'message-id') this.#isNamed = true;
    else if (name === 'content-length' && this.#length === 'none') this.#length = this.#isNamed ? 'last' : 'first';
  }
}

/**
 * Makes a reader of frames that survives whatever a broker passes on from a sender: of the header it keeps what is read here, and an error that it
 * does not foresee does not end the process. `passesOnLength`: the broker passes on a content-length of the sender.
 */
export function harden(create: () => FrameStream, passesOnLength: () => boolean): FrameStream {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- not in the published types
  const reader = create() as FrameStream & Internals;
  const { _beginBody: beginBody, _consume: consume, _continueTransform: parseOn } = reader;
  const [line, head] = [new Line(), new Head()];
  const guarded: Pick<Internals, '_beginBody' | '_continueTransform' | '_parseLine'> = {
    _beginBody: () => {
      const { _headers: headers } = reader;
      if (head.hasForeignLength && passesOnLength()) headers['content-length'] = undefined;
      beginBody.call(reader);
    },
    _continueTransform: () => {
      try {
        parseOn.call(reader);
      } catch (error) {
        reader.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    },
    _parseLine: () => {
      const { _chunk: chunk } = reader;
      const end = chunk.indexOf(LF);
      consume.call(reader, end === -1 ? chunk.length : end + 1);
      if (end !== -1) return head.kept(line.end(chunk, end));
      line.add(chunk);
      return null;
    },
  };
  return Object.assign(reader, guarded);
}
