import type { DeliveryRecord, OutgoingQueue, StagingQueue } from './spool.js';

export type { SpoolErrorCode } from './errors.js';
export { SPOOL_ERROR_CODES, SpoolError } from './errors.js';
export type {
  Claim,
  DeliveryRecord,
  OutgoingQueue,
  PurgeStatistics,
  QuarantineReason,
  QueueRecord,
  ReadResult,
  RecordClaim,
  Scan,
  ScanStatistics,
  Staged,
  StagingQueue,
} from './spool.js';

export interface FileModes {
  /** Octal mode of directories and files, set by chmod whatever the umask. */
  readonly directoryMode?: number;
  readonly fileMode?: number;
  /** Group of what is written. */
  readonly gid?: number;
}

export interface OutgoingOptions {
  readonly path: string;
  readonly layout: 'dirq' | 'directory';
  /** Names this sender over restarts: its claims are freed by its successor at once. Default: host name. */
  readonly instance: string;
  /** Default PATH/.quarantine, always on the same file system. */
  readonly quarantinePath?: string;
  /** Others' locks are freed after so long. Default 600 s. */
  readonly lockAgeMs?: number;
  /** Plain directory: taken when size and mtime have been the same for so long. Default 2 s. */
  readonly stabilityMs?: number;
  readonly modes?: FileModes;
  readonly now?: () => Date;
  readonly random?: () => number;
}

export function createOutgoingQueue(_options: OutgoingOptions): OutgoingQueue {
  throw new Error('not built');
}

export interface StagingOptions {
  readonly path: string;
  /** Unique to one start of one process. */
  readonly instance: string;
  /** Elements in a directory before a new one is begun. Default 16,000. */
  readonly directorySize?: number;
  readonly modes?: FileModes;
  readonly now?: () => Date;
  readonly random?: () => number;
}

export function createStagingQueue(_options: StagingOptions): StagingQueue {
  throw new Error('not built');
}

export interface RecordOptions {
  /** A directory on the file system of incoming. */
  readonly path: string;
  readonly modes?: FileModes;
  readonly now?: () => Date;
}

export function createDeliveryRecord(_options: RecordOptions): DeliveryRecord {
  throw new Error('not built');
}
