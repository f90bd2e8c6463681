import { lstatSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { ServiceError } from './errors.js';

/** Linux counts process times in hundredths of a second for everybody outside of the kernel. */
const TICKS = 100;
/** A clock that was set, and the whole seconds of the kernel's start time. */
const MARGIN_MS = 2_000;

/** The number of a process in a file, for those who want to signal it. */
export interface PidFile {
  /** Removes the file if it still is this process's. */
  release(): void;
}

/**
 * Writes the file. One that a dead process left, or that names a process which began after it was written, is replaced. Throws ServiceError
 * `pid-file-taken` (a process that lives wrote it) or `pid-file-failed`. It says where a process is and is no lock: volumes have their own.
 */
export function writePidFile(file: string, pid: number): PidFile {
  const write = (): void => writeFileSync(file, `${pid}\n`, { flag: 'wx', mode: 0o644 });
  try {
    try {
      write();
    } catch (error) {
      if (!failedWith(error, 'EEXIST')) throw error;
      const owner = ownerOf(file);
      if (owner !== undefined && owner !== pid)
        throw new ServiceError('pid-file-taken', `${file} (pidFile) belongs to process ${owner}, which runs`, { cause: error });
      unlinkSync(file);
      write();
    }
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceError('pid-file-failed', `The file ${file} (pidFile) cannot be written: ${reason}`, { cause });
  }
  return { release: () => release(file, pid) };
}

function release(file: string, pid: number): void {
  try {
    if (readFileSync(file, 'utf8').trim() === String(pid)) unlinkSync(file);
  } catch {
    // Gone already, or not ours to remove any more.
  }
}

/** The living process that wrote the file; undefined: there is none. */
function ownerOf(file: string): number | undefined {
  const { mtimeMs } = lstatSync(file);
  const [, digits] = /^\s*(\d{1,9})\s*$/.exec(readFileSync(file, 'utf8')) ?? [];
  const pid = Number(digits ?? 0);
  return pid > 0 && isAlive(pid) && !startedAfter(pid, mtimeMs) ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !failedWith(error, 'ESRCH');
  }
}

/** Numbers come again, in containers above all, where every process has a small one. Where the system does not say: no. */
function startedAfter(pid: number, timeMs: number): boolean {
  try {
    // The name of the program may hold spaces and brackets; the 22nd field is the 20th after its end.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    const [, boot] = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1')) ?? [];
    return (Number(boot) + Number(fields[19]) / TICKS) * 1000 > timeMs + MARGIN_MS;
  } catch {
    return false;
  }
}

function failedWith(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
