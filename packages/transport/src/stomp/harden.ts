import type { IncomingFrame } from './body.js';

/** What a broker may put into one header line, in all header lines of a frame, and in how many: more than any passes on. */
const MAX_LINE_LENGTH = 1024 * 1024;
const MAX_HEADER_LENGTH = 16 * MAX_LINE_LENGTH;
const MAX_HEADERS = 10_000;

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

/** What it calls of itself besides. */
interface Internals {
  _continueTransform: () => void;
  _parseLine: () => string | null;
}

/** Its published types do not know the limits that it takes. */
type Create = (limits: object) => FrameStream;

/**
 * Makes a reader of frames that survives whatever a broker passes on from a sender: with room for long headers, but not for ever longer ones, and
 * without an error that it does not foresee ending the process.
 */
export function harden(create: Create): FrameStream {
  const reader = create({ maxLineLength: MAX_LINE_LENGTH, maxHeaders: MAX_HEADERS });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- not in the published types
  const { _continueTransform: parseOn, _parseLine: parseLine } = reader as FrameStream & Internals;
  let headerLength = 0;
  const guarded: Internals = {
    _continueTransform: () => {
      try {
        parseOn.call(reader);
      } catch (error) {
        reader.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    },
    _parseLine: () => {
      const line = parseLine.call(reader);
      if (line === null) return null;
      headerLength = line === '' ? 0 : headerLength + line.length;
      if (headerLength > MAX_HEADER_LENGTH) throw new Error('too many header bytes');
      // stompit asks the table of headers for its hasOwnProperty: no sender may replace that.
      return line.startsWith('hasOwnProperty:') ? `x-${line}` : line;
    },
  };
  return Object.assign(reader, guarded);
}
