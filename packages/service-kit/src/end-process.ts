import { existsSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { flushed } from './flush.js';

/** For calls that are nearly done; and how often to look. */
const GRACE_MS = 500;
const LOOK_MS = 20;
/** For a reader of standard error that does not read. */
const FLUSH_MS = 1000;
/** What libuv's threads do, as Node.js calls it: file calls, look-ups of names. */
const ON_THREADS = /^(?:FSReq|FileHandleCloseReq|GetAddrInfo|GetNameInfo)/;
const LOOK_UP = /^Get/;
/** The file that runs, though another may have its name by now. A call of execve() that fails cannot be caught: it aborts the process. */
const THIS_PROGRAM = '/proc/self/exe';

/** What says the same as a code where that is lost: systemd takes SIGTERM of a service for a clean end, shells add 128. */
const SIGNALS: ReadonlyMap<number, NodeJS.Signals> = new Map([
  [0, 'SIGTERM'],
  [129, 'SIGHUP'],
  [130, 'SIGINT'],
  [143, 'SIGTERM'],
]);

/**
 * Ends the process with this code. process.exit() waits for libuv's threads, and one that hangs in a dead volume or a look-up of a name hangs for as
 * long as that does: calls that have no answer after a short while are left behind.
 */
export async function endProcess(code: number): Promise<never> {
  for (let left = GRACE_MS; left > 0 && hanging().length > 0; left -= LOOK_MS) await sleep(LOOK_MS);
  const calls = hanging();
  // A look-up ends by itself, in half a minute at most: better late than without the code.
  if (calls.length > 0 && !canReplace() && calls.every((name) => LOOK_UP.test(name))) process.exit(code);
  if (calls.length > 0) {
    process.stderr.write(`The process ends without waiting for calls that hang: ${[...new Set(calls)].join(', ')}\n`);
    await flushed(process.stderr, FLUSH_MS);
  }
  return endAtOnce(code);
}

/** The same, without a word and a while. */
export function endAtOnce(code: number): never {
  if (hanging().length > 0) leaveThreads(code);
  process.exit(code);
}

function hanging(): string[] {
  return process.getActiveResourcesInfo().filter((name) => ON_THREADS.test(name));
}

/** The kernel ends all threads of a program when another one takes its place: here one that does nothing but end with the code. */
function leaveThreads(code: number): void {
  if (canReplace()) {
    const args = [process.execPath, '--eval', `process.exit(${code})`];
    Reflect.apply(Reflect.get(process, 'execve'), process, [THIS_PROGRAM, args, environment()]);
  }
  const signal = SIGNALS.get(code) ?? 'SIGKILL';
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** From Node.js 22.15 on, on Linux. */
function canReplace(): boolean {
  return 'execve' in process && typeof process.execve === 'function' && existsSync(THIS_PROGRAM);
}

/** Less what tells Node.js to load something. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_')));
}
