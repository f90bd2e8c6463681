import { FileDeliveryRecord } from './delivery-record.js';
import { NormalQueue } from './normal-queue.js';
import type { OutgoingOptions, RecordOptions, StagingOptions } from './options.js';
import { PlainDirectory } from './plain-directory.js';
import { SimpleQueue } from './simple-queue.js';
import type { DeliveryRecord, OutgoingQueue, StagingQueue } from './spool.js';

export type { SpoolErrorCode } from './errors.js';
export { SPOOL_ERROR_CODES, SpoolError } from './errors.js';
export { scanOutgoing } from './looking.js';
export type { ElementLook, NormalReaderOptions } from './normal-reader.js';
export { NormalReader } from './normal-reader.js';
export type { OutgoingOptions, RecordOptions, StagingOptions } from './options.js';
export type { PlainWriterOptions } from './plain-writer.js';
export { PlainWriter } from './plain-writer.js';
export type { RequeueOptions } from './requeue.js';
export { requeue } from './requeue.js';
export type { SimpleWriterOptions } from './simple-writer.js';
export { SimpleWriter } from './simple-writer.js';
export type {
  Claim,
  DeliveryRecord,
  FileModes,
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

export function createOutgoingQueue(options: OutgoingOptions): OutgoingQueue {
  return options.layout === 'dirq' ? new SimpleQueue(options) : new PlainDirectory(options);
}

export function createStagingQueue(options: StagingOptions): StagingQueue {
  return new NormalQueue(options);
}

export function createDeliveryRecord(options: RecordOptions): DeliveryRecord {
  return new FileDeliveryRecord(options);
}
