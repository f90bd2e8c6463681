/** What callers choose. No code. */

import type { FileModes } from './spool.js';
import type { VolumeCalls } from './volume-calls.js';

export interface OutgoingOptions {
  /** Must exist: a missing volume is an error, never an empty queue. */
  readonly path: string;
  readonly layout: 'dirq' | 'directory';
  /** Names this sender over restarts: its claims are freed by its successor at once. */
  readonly instance: string;
  /** Default PATH/.quarantine, always on the same file system. */
  readonly quarantinePath?: string;
  /** Others' locks are freed after this time. Default 600 s. */
  readonly lockAgeMs?: number;
  /** Plain directory: taken when nothing about a file has changed for this time. Default 2 s. */
  readonly stabilityMs?: number;
  readonly modes?: FileModes;
  readonly now?: () => Date;
  readonly random?: () => number;
  /** How what is done for every element is asked of the file system. Default: directly where the volume is local and quick, else by threads. For tests. */
  readonly calls?: VolumeCalls;
}

export interface StagingOptions {
  /** Made when only its last part is missing. */
  readonly path: string;
  /** Unique to one start of one process. */
  readonly instance: string;
  /** Elements in a directory before a new one is begun. Default 16,000. */
  readonly directorySize?: number;
  readonly modes?: FileModes;
  readonly now?: () => Date;
  readonly random?: () => number;
  /** How looks at what is there, and closing, are asked of the file system. Default and use as for {@link OutgoingOptions}. */
  readonly calls?: VolumeCalls;
}

export interface RecordOptions {
  /** A directory on the file system of incoming; made when only its last part is missing. */
  readonly path: string;
  readonly modes?: FileModes;
  readonly now?: () => Date;
  /** As for {@link StagingOptions}. */
  readonly calls?: VolumeCalls;
}

/** A Redis or Valkey server. */
export interface RecordServer {
  /** `redis://HOST[:PORT][/DATABASE]`, or `rediss://` for TLS. No user and password in it. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** Asked at each connect, so that what was renewed is used. For `rediss:` only. */
  readonly tls?: () => RecordServerTls;
  /** What all keys of this record begin with. */
  readonly prefix: string;
  /** Limit for making a connection, and for each command, milliseconds. */
  readonly timeoutMs: number;
}

export interface RecordServerTls {
  /** PEM; the only CAs that are trusted. */
  readonly ca: readonly string[];
  /** PEM, where the server wants a client certificate. */
  readonly certificate?: string;
  readonly key?: string;
}

export interface SharedRecordOptions extends RecordOptions {
  readonly server: RecordServer;
  /** For people: which volume this is. One line, at most 200 characters are kept. */
  readonly label: string;
  /** How long an id is remembered after its confirmation. */
  readonly windowMs: number;
}

/** Called at named points, so that a test can kill the process there. Only tests give one. */
export type Checkpoint = (point: string) => void | Promise<void>;

export const noCheckpoint: Checkpoint = () => undefined;
