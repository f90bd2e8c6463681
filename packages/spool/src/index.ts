import type { Claims } from './claims.js';
import { FileDeliveryRecord } from './delivery-record.js';
import { NormalQueue } from './normal-queue.js';
import type { OutgoingOptions, RecordOptions, SharedRecordOptions, StagingOptions } from './options.js';
import { PlainDirectory } from './plain-directory.js';
import { RedisClaims } from './redis-claims.js';
import { SharedDeliveryRecord } from './shared-record.js';
import type { Sharing } from './sharing.js';
import { SimpleQueue } from './simple-queue.js';
import type { DeliveryRecord, OutgoingQueue, StagingQueue } from './spool.js';

export type { OtherOwner } from './beside-root.js';
export { commandAs, ownerBesideRoot, refuseRoot, warningsForRoot } from './beside-root.js';
export type { Claims } from './claims.js';
export { syncDirectory } from './durable.js';
export type { SpoolErrorCode } from './errors.js';
export { SPOOL_ERROR_CODES, SpoolError } from './errors.js';
export { whoAndWhere } from './faults.js';
export { newestDirectory } from './insertion.js';
export { scanOutgoing } from './looking.js';
export type { ElementLook, NormalReaderOptions } from './normal-reader.js';
export { NormalReader } from './normal-reader.js';
export type { OutgoingOptions, RecordOptions, RecordServer, RecordServerTls, SharedRecordOptions, StagingOptions } from './options.js';
export type { PlainWriterOptions } from './plain-writer.js';
export { PlainWriter } from './plain-writer.js';
export type { RequeueOptions } from './requeue.js';
export { requeue } from './requeue.js';
export type { RecordWarning, SharedClaim, SharedVolume, SharedVolumes, Sharing } from './sharing.js';
export { VOLUME_LEASE_MS } from './sharing.js';
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
  Usage,
} from './spool.js';
export type { BondOptions } from './volume-bond.js';
export { VolumeBond } from './volume-bond.js';

export function createOutgoingQueue(options: OutgoingOptions): OutgoingQueue {
  return options.layout === 'dirq' ? new SimpleQueue(options) : new PlainDirectory(options);
}

export function createStagingQueue(options: StagingOptions): StagingQueue {
  return new NormalQueue(options);
}

export function createDeliveryRecord(options: RecordOptions): DeliveryRecord {
  return new FileDeliveryRecord(options);
}

/** The same for several volumes, which ask a server who has what. Nothing is connected before it is used. `claims`: for tests. */
export function createSharedDeliveryRecord(
  options: SharedRecordOptions,
  claims: Claims = new RedisClaims(options.server),
): DeliveryRecord & { readonly sharing: Sharing } {
  return new SharedDeliveryRecord(options, claims);
}
