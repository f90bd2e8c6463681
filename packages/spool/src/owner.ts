/**
 * Which process holds claims, so that the next process of the same instance name can tell whether that one is really dead. An owner is a
 * file `owner~INSTANCE~TOKEN` in the claims directory: its first line names the process, further lines are its journal of claims, and it is
 * touched every few seconds. The journal is not synced: after a power cut locks are freed by their age.
 */
import { createHash, randomBytes } from 'node:crypto';
import { promises as fs } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { failedWith, unlessFull } from './faults.js';
import { type FileCalls, files } from './files.js';
import { fieldsOf } from './json.js';
import { unlinkIfThere } from './moves.js';
import type { FileModes } from './spool.js';

const { O_APPEND, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;
export const OWNER = 'owner~';
/** An owner file that is being written. */
export const DRAFT = '~draft';
const OWNER_FILE = /^owner~([^~]*)~([0-9a-f]{16})$/;
/** The instance is part of a file name. */
const MAXIMUM_INSTANCE = 120;
const HASH_DIGITS = 32;
/** A journal longer than this (bytes) is written anew with only what is still claimed. */
const MAXIMUM_JOURNAL = 1_048_576;
/** What nobody waits for is written after this time (ms). */
const LATER_MS = 100;
/** Many lines are written to the journal while it is open. */
const KEPT_OPEN_MS = 200;
const MAXIMUM_FIRST_LINE = 4096;
/** Longer than any journal: what is beyond is not ours. */
const MAXIMUM_READ = 8 * MAXIMUM_JOURNAL;
export const HEARTBEAT_MS = 5000;
/** Whatever the umask: who may look into the directory shall see that we live and what we claimed. */
const FILE_MODE = 0o644;
const UNCHANGED = -1;
/** A file that is not ours to read, a link, a directory, a socket or a FIFO. */
const NOT_READABLE = ['EACCES', 'EPERM', 'ELOOP', 'EISDIR', 'ENXIO', 'ESPIPE'];

/** A process, for this kernel and PID namespace. A number alone says nothing: in containers it is always 1. */
export interface ProcessIdentity {
  readonly boot: string;
  readonly namespace: string;
  readonly pid: number;
  /** Clock ticks from boot to its start. */
  readonly started: string;
}

/** undefined where /proc does not tell, or tells about another namespace than ours. */
export async function identify(): Promise<ProcessIdentity | undefined> {
  try {
    const { pid } = process;
    if ((await fs.readlink('/proc/self')) !== String(pid)) return undefined;
    const boot = (await fs.readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim();
    const namespace = await fs.readlink('/proc/self/ns/pid');
    const found = await processNumbered(pid);
    return found === undefined ? undefined : { boot, namespace, pid, started: found.started };
  } catch {
    return undefined;
  }
}

/**
 * `dead` only when it is certain: same boot of the same kernel, same PID namespace, and no such process. A namespace number used again after
 * a container ended leads to the same, right, answer. Everything else that is not seen alive is `unknown`.
 */
export async function liveness(them: ProcessIdentity | undefined): Promise<'alive' | 'dead' | 'unknown'> {
  const us = await identify();
  if (us === undefined || them === undefined || them.boot !== us.boot || them.namespace !== us.namespace) return 'unknown';
  const found = await processNumbered(them.pid);
  if (found !== undefined) return found.started === them.started && !found.ended ? 'alive' : 'dead';
  return exists(them.pid) ? 'unknown' : 'dead';
}

/** undefined: none, or hidden from us. */
async function processNumbered(pid: number): Promise<{ readonly started: string; readonly ended: boolean } | undefined> {
  try {
    const text = await fs.readFile(`/proc/${pid}/stat`, 'latin1');
    // proc(5): the command, field 2, may hold anything but is closed by the last parenthesis; 3 is the state, 22 the start time.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state = '', started = ''] = [fields[0], fields[19]];
    return { started, ended: state === 'Z' || state === 'X' };
  } catch {
    return undefined;
  }
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !failedWith(error, 'ESRCH');
  }
}

interface OwnerOptions {
  readonly modes?: FileModes | undefined;
  readonly calls?: FileCalls;
}

interface OwnerParts extends OwnerOptions {
  readonly identity: ProcessIdentity | undefined;
  readonly held: () => Iterable<string>;
}

/** Ours: written from start to close. */
export class Owner {
  readonly token = randomBytes(8).toString('hex');
  /** Its first line says which process we are. */
  readonly file: string;
  readonly #identity: ProcessIdentity | undefined;
  readonly #held: () => Iterable<string>;
  readonly #modes: FileModes;
  readonly #calls: FileCalls;
  /** Of the journal, while it is the file of that name. */
  #descriptor: number | undefined;
  #later: NodeJS.Timeout | undefined;
  #closed = false;
  #size = 0;
  #pending = '';
  #batch: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  private constructor(directory: string, instance: string, parts: OwnerParts) {
    this.file = path.join(directory, `${OWNER}${fileNameOf(instance)}~${this.token}`);
    this.#identity = parts.identity;
    this.#held = parts.held;
    this.#modes = parts.modes ?? {};
    this.#calls = parts.calls ?? files;
  }

  /** `held` gives the journal lines of what is claimed at the moment. */
  static async open(directory: string, instance: string, held: () => Iterable<string>, options: OwnerOptions = {}): Promise<Owner> {
    const owner = new Owner(directory, instance, { identity: await identify(), held, ...options });
    await owner.#writeAnew();
    return owner;
  }

  /**
   * Adds a line to the journal. Lines noted while one is written go together. Never rejects: on a full disk sending must go on, and a claim
   * that is not in the journal is freed by its age.
   */
  note(line: string): Promise<void> {
    this.#pending += `${line}\n`;
    return this.#flush();
  }

  /** Adds a line that nobody waits for: with the next one, or soon. */
  noteLater(line: string): void {
    this.#pending += `${line}\n`;
    this.#later ??= setTimeout(() => void this.#flush(), LATER_MS).unref();
  }

  #flush(): Promise<void> {
    this.#batch ??= this.#inTurn(() => this.#append());
    return this.#batch;
  }

  /** One after the other: a descriptor that is closed under a write may by then be another file's. Never rejects. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work).catch(() => undefined);
    return this.#last;
  }

  async #append(): Promise<void> {
    const text = this.#pending;
    this.#pending = '';
    this.#batch = undefined;
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#size += text.length;
    await (this.#size > MAXIMUM_JOURNAL ? this.#writeAnew() : this.#write(text));
  }

  /** Never creates the file: a journal that somebody removed is begun anew by the heartbeat, with the line that names the process. */
  async #write(text: string): Promise<void> {
    // The file says by now that we have closed, and what we held then.
    if (this.#closed && this.#descriptor === undefined) return;
    this.#descriptor ??= await this.#open();
    try {
      await this.#calls.write(this.#descriptor, Buffer.from(text), 0);
    } catch (error) {
      await this.#forget();
      throw error;
    }
  }

  /** Not for long: a volume where a file is open for writing cannot be unmounted, or mounted read-only. */
  async #open(): Promise<number> {
    const descriptor = await this.#calls.open(this.file, O_WRONLY | O_APPEND | O_NOFOLLOW);
    setTimeout(() => void this.#inTurn(() => this.#forget()), KEPT_OPEN_MS).unref();
    return descriptor;
  }

  async #forget(): Promise<void> {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    try {
      if (descriptor !== undefined) await this.#calls.close(descriptor);
    } catch {
      // Nothing more is written through it.
    }
  }

  async #writeAnew(): Promise<void> {
    const text = [JSON.stringify({ ...this.#identity, closed: this.#closed }), ...this.#held(), ''].join('\n');
    this.#size = text.length;
    const draft = `${this.file}${DRAFT}`;
    // Whoever may write here may have put a link there, to what only we may write.
    await unlinkIfThere(draft);
    const handle = await fs.open(draft, 'wx');
    try {
      // Sending is what frees a full disk: an empty file says at least that we live.
      await handle.writeFile(text).catch(unlessFull);
      // Where modes cannot be set others judge us by our heartbeat.
      await this.#setModes(handle).catch(() => undefined);
    } finally {
      // NFS says only now that a disk is full.
      await handle.close().catch(unlessFull);
    }
    await fs.rename(draft, this.file);
    await this.#forget();
  }

  async #setModes(draft: FileHandle): Promise<void> {
    const { fileMode = FILE_MODE, gid } = this.#modes;
    if (gid !== undefined) await draft.chown(UNCHANGED, gid);
    await draft.chmod(fileMode);
  }

  /** Says that we live. Somebody who took us for dead (we were stopped for long) has removed the file: then it is written again. */
  async beat(now: Date): Promise<void> {
    try {
      await fs.lutimes(this.file, now, now);
    } catch (error) {
      if (failedWith(error, 'ENOENT')) await this.#inTurn(() => this.#writeAnew());
    }
  }

  /** What is still claimed may be freed by whoever comes next. */
  async close(stillHolding: boolean): Promise<void> {
    this.#closed = true;
    if (this.#later !== undefined) void this.#flush();
    await this.#inTurn(() => this.#forget());
    // When it cannot be said, others find out: by looking for the process, or by our silence.
    await this.#inTurn(() => (stillHolding ? this.#writeAnew() : fs.unlink(this.file)));
  }
}

/** A file name that is the same for the same instance. */
function fileNameOf(instance: string): string {
  // Through a Buffer: half a surrogate pair has no encoding.
  const encoded = encodeURIComponent(Buffer.from(instance).toString()).replaceAll('~', '%7E');
  if (encoded.length <= MAXIMUM_INSTANCE) return encoded;
  return `${encoded.slice(0, MAXIMUM_INSTANCE - HASH_DIGITS)}${createHash('sha256').update(instance).digest('hex').slice(0, HASH_DIGITS)}`;
}

/** Somebody's: another process's, or that of a predecessor. */
export interface ForeignOwner {
  readonly file: string;
  readonly token: string;
  readonly sameInstance: boolean;
}

export function foreignOwner(directory: string, name: string, instance: string): ForeignOwner | undefined {
  const [, encoded, token] = OWNER_FILE.exec(name) ?? [];
  if (encoded === undefined || token === undefined) return undefined;
  return { file: path.join(directory, name), token, sameInstance: encoded === fileNameOf(instance) };
}

/** The first line: which process, and did it close? */
export async function readOwner(file: string): Promise<{ readonly identity: ProcessIdentity | undefined; readonly closed: boolean }> {
  const [line = ''] = await linesOf(file, MAXIMUM_FIRST_LINE);
  const fields = fieldsOf(line);
  return { identity: identityIn(fields), closed: fields.get('closed') === true };
}

/** The lines after the first; one cut off by a crash is left out. */
export async function readJournal(file: string): Promise<string[]> {
  return (await linesOf(file, MAXIMUM_READ)).slice(1);
}

/** None of what cannot be read: then only its age tells. */
async function linesOf(file: string, limit: number): Promise<string[]> {
  try {
    return await readLines(file, limit);
  } catch (error) {
    if (failedWith(error, ...NOT_READABLE)) return [];
    throw error;
  }
}

async function readLines(file: string, limit: number): Promise<string[]> {
  const handle = await fs.open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const size = Math.min((await handle.stat()).size, limit);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, 0);
    return buffer.toString('utf8', 0, bytesRead).split('\n').slice(0, -1);
  } finally {
    await handle.close();
  }
}

function identityIn(fields: ReadonlyMap<string, unknown>): ProcessIdentity | undefined {
  const [boot, namespace, started, pid] = ['boot', 'namespace', 'started', 'pid'].map((key) => fields.get(key));
  if (typeof boot !== 'string' || typeof namespace !== 'string' || typeof started !== 'string') return undefined;
  return typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 0 ? { boot, namespace, pid, started } : undefined;
}
