import type { Delivery } from '@ssm/transport';
import type { ReceiverMetrics } from './metrics.js';
import type { Result } from './pipeline.js';
import type { SignerClock } from './signers.js';

export interface Counters {
  readonly metrics: ReceiverMetrics;
  readonly signers: SignerClock | undefined;
}

/** What a message leaves in the metrics. */
export function countResult({ metrics, signers }: Counters, delivery: Delivery, result: Result, now: Date): void {
  metrics.messages.inc({ result: result.outcome });
  metrics.bytes.inc({ result: result.outcome }, bytesOf(delivery, result));
  if (result.outcome !== 'retry' && !result.acknowledged) metrics.unacknowledged.inc();
  if (result.outcome === 'rejected') {
    const { code } = result.refusal;
    metrics.rejected.inc({ code });
    if (result.kept.outcome === 'reduced') metrics.reduced.inc({ code });
  }
  if (result.outcome === 'stored') metrics.lastSuccess.set(now.getTime() / 1000);
  if (result.outcome === 'stored' || result.outcome === 'duplicate') signers?.accepted(result.opened.signer, now);
}

/** The file where it could be decoded, else the message. */
function bytesOf(delivery: Delivery, result: Result): number {
  if (result.outcome === 'stored' || result.outcome === 'duplicate') return result.opened.body.length;
  const decoded = result.outcome === 'rejected' ? result.refusal.body : undefined;
  return decoded?.length ?? wireBytes(delivery);
}

export function wireBytes({ body, oversized }: Delivery): number {
  return oversized ?? body.length;
}
