import type { Logger } from '@ssm/service-kit';
import type { Delivery } from '@ssm/transport';
import type { ReceiverMetrics } from './metrics.js';
import type { Result } from './pipeline.js';
import type { Recovery } from './recovery.js';
import type { SignerClock } from './signers.js';

export interface Counters {
  readonly metrics: ReceiverMetrics;
  readonly signers: SignerClock | undefined;
}

/** What a message of `wire` bytes leaves in the metrics. */
export function countResult({ metrics, signers }: Counters, wire: number, result: Result, now: Date): void {
  metrics.messages.inc({ result: result.outcome });
  metrics.bytes.inc({ result: result.outcome }, bytesOf(wire, result));
  if (result.outcome !== 'retry' && !result.acknowledged) metrics.unacknowledged.inc();
  if (result.outcome === 'rejected') {
    const { code } = result.refusal;
    metrics.rejected.inc({ code });
    if (result.kept.outcome === 'reduced') metrics.reduced.inc({ code });
  }
  if (result.outcome === 'stored') metrics.lastSuccess.set(now.getTime() / 1000);
  if (isTwice(result)) metrics.storedTwice.inc();
  if (result.outcome === 'stored' || result.outcome === 'duplicate') signers?.accepted(result.opened.signer, now);
}

/** It is in another volume too. */
export function isTwice(result: Result): boolean {
  return (result.outcome === 'stored' || result.outcome === 'duplicate') && result.alsoIn !== undefined;
}

/** What a recovery leaves in the metrics and in the log. */
export function reportRecovery(recovery: readonly Recovery[], { log, metrics }: { log: Logger; metrics: ReceiverMetrics }): void {
  for (const { queue, finished, dropped, failure, twice } of recovery) {
    metrics.recovered.inc({ queue }, finished);
    metrics.storedTwice.inc(twice);
    if (finished > 0) log.info('what a crash left half-way was finished', { queue, finished });
    if (dropped > 0) log.info('what a crash left half-way was thrown away, since another volume has stored it', { queue, dropped });
    if (twice > 0) log.error('messages are here and on another volume, which adopted them', { queue, messages: twice });
    if (failure === undefined) continue;
    metrics.recordFailures.inc({ operation: 'recover' });
    log.error('a delivery record is corrupt, what comes after it was not finished', { queue, error: failure });
  }
}

/** The file where it could be decoded, else the message. */
function bytesOf(wire: number, result: Result): number {
  if (result.outcome === 'stored' || result.outcome === 'duplicate') return result.opened.size;
  return (result.outcome === 'rejected' ? result.size : undefined) ?? wire;
}

/** To be asked before the acknowledgement: the body is gone then. */
export function wireBytes({ body, oversized }: Delivery): number {
  return oversized ?? body.length;
}
