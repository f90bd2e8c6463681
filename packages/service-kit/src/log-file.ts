import { closeSync, constants, openSync } from 'node:fs';
import { ServiceError } from './errors.js';
import { fileOutput, type LogOutput } from './log-output.js';

const { O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY, O_WRONLY } = constants;
/** Before the umask. */
const MODE = 0o644;

/** Lines to a file that has a name, so that somebody may rename it away. */
export interface LogFile extends LogOutput {
  /** Goes on in the file that has the name now, made if need be. Throws ServiceError `log-file-failed`; then the old one stays in use. */
  reopen(): void;
  close(): void;
}

/** Every line is appended whole and at once: none is lost between a rename and reopen(). Throws ServiceError `log-file-failed`. */
export function openLogFile(file: string): LogFile {
  let descriptor = open(file);
  let output = fileOutput(descriptor);
  let droppedBefore = 0;
  return {
    write: (line) => output.write(line),
    get dropped() {
      return droppedBefore + output.dropped;
    },
    flush: (timeoutMs) => output.flush(timeoutMs),
    reopen: () => {
      const next = open(file);
      droppedBefore += output.dropped;
      output = fileOutput(next);
      closeSync(descriptor);
      descriptor = next;
    },
    close: () => closeSync(descriptor),
  };
}

/** A FIFO that nobody reads is refused in place of waited for. */
function open(file: string): number {
  try {
    return openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, MODE);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceError('log-file-failed', `The log file ${file} (log.file) cannot be opened: ${reason}`, { cause });
  }
}

/** The same lines to several places. */
export function teeOutput(outputs: readonly LogOutput[]): LogOutput {
  return {
    write: (line) => {
      for (const output of outputs) output.write(line);
    },
    get dropped() {
      return outputs.reduce((sum, { dropped }) => sum + dropped, 0);
    },
    flush: async (timeoutMs) => void (await Promise.all(outputs.map((output) => output.flush(timeoutMs)))),
  };
}
