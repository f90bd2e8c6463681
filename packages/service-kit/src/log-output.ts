import { fstatSync, writeSync } from 'node:fs';
import { flushed } from './flush.js';

/** Where log lines go. write() neither throws nor waits for a slow reader. */
export interface LogOutput {
  write(line: string): void;
  /** Lines that were dropped since the start. */
  readonly dropped: number;
  /** Waits until what was written is out, at most this many milliseconds. */
  flush(timeoutMs: number): Promise<void>;
}

/** A stream that lines can be written to: standard output, or a test's. */
export interface LineStream extends NodeJS.WritableStream {
  readonly writableLength?: number;
}

/** Bytes that wait for a slow reader; lines beyond are dropped and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/**
 * Lines to a pipe, socket or terminal. A pipe whose reader is slow takes up to the limit in memory, then lines are dropped: a log
 * collector that hangs must not stop the messages. A reader that went away (EPIPE) drops everything from then on.
 * A terminal is written to at once: one that is stopped (Ctrl-S) holds the process up.
 */
export function streamOutput(stream: LineStream, maximumBytes = MAX_WAITING_BYTES): LogOutput {
  let dropped = 0;
  let broken = false;
  stream.on('error', () => {
    broken = true;
  });
  return {
    write: (line) => {
      if (broken || (stream.writableLength ?? 0) + line.length > maximumBytes) dropped += 1;
      else stream.write(line);
    },
    get dropped() {
      return dropped;
    },
    flush: async (timeoutMs) => {
      if (!broken) await flushed(stream, timeoutMs);
    },
  };
}

/**
 * Lines to a file, written at once. Not through process.stdout: that ends for good at the first error, and a full disk gets space again.
 */
export function fileOutput(descriptor: number): LogOutput {
  let dropped = 0;
  let cut = false;
  return {
    write: (line) => {
      try {
        // A line that was cut by a full disk is ended, so that the next one stands alone.
        const bytes = Buffer.from(cut ? `\n${line}` : line);
        cut = writeSync(descriptor, bytes) < bytes.byteLength;
        if (cut) dropped += 1;
      } catch {
        dropped += 1;
      }
    },
    get dropped() {
      return dropped;
    },
    flush: () => Promise.resolve(),
  };
}

/** The output for a stream that may be this process's standard output, which has a descriptor. */
export function standardOutput(stream: LineStream & { readonly fd?: number; readonly isTTY?: boolean }): LogOutput {
  const { fd, isTTY } = stream;
  return fd !== undefined && isTTY !== true && isFileLike(fd) ? fileOutput(fd) : streamOutput(stream);
}

function isFileLike(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor);
    return stats.isFile() || stats.isCharacterDevice();
  } catch {
    return false;
  }
}
