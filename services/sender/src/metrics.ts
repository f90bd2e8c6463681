import { type Counter, type Gauge, type Metrics, type SharedMetrics, sharedMetrics } from '@ssm/service-kit';

type CertificateLabel = 'identity' | 'recipient' | 'broker';

/** What is looked up when the metrics are read. */
export interface Observed {
  readonly now: () => Date;
  readonly inFlight: () => { readonly messages: number; readonly bytes: number };
  readonly outgoing: () => { readonly depth: number; readonly locked: number; readonly oldest: Date | undefined };
  readonly waiting: () => number;
  readonly quarantined: () => Promise<number | undefined>;
}

export interface SenderMetrics extends SharedMetrics<CertificateLabel> {
  readonly wireBytes: Counter;
  readonly parts: Counter;
  readonly quarantined: Counter<'code'>;
  readonly retries: Counter<'code'>;
  readonly resent: Counter;
  readonly receiptTimeouts: Counter;
  readonly released: Counter<'reason'>;
  readonly lastSuccess: Gauge;
  readonly lastScan: Gauge;
}

export function createSenderMetrics(metrics: Metrics, observed: Observed): SenderMetrics {
  observeQueues(metrics, observed);
  return { ...sharedMetrics(metrics, observed.now), ...flowMetrics(metrics) };
}

function flowMetrics(metrics: Metrics) {
  return {
    wireBytes: metrics.counter('ssm_sent_wire_bytes_total', 'Bytes of the sealed messages that a broker confirmed.'),
    parts: metrics.counter('ssm_sent_parts_total', 'Messages that files were split into and that a broker confirmed.'),
    quarantined: metrics.counter('ssm_quarantined_messages_total', 'Files put into quarantine, by reason.', ['code']),
    retries: metrics.counter('ssm_retried_messages_total', 'Files left for another try, by reason.', ['code']),
    resent: metrics.counter('ssm_resent_messages_total', 'Messages handed to a broker again since its answer was lost.'),
    receiptTimeouts: metrics.counter('ssm_receipt_timeouts_total', 'Messages for which no receipt came in time.'),
    released: metrics.counter('ssm_claims_released_total', 'Claims given back unsent, by reason.', ['reason']),
    lastSuccess: metrics.gauge('ssm_last_success_timestamp_seconds', 'When a broker confirmed a message last.'),
    lastScan: metrics.gauge('ssm_last_scan_timestamp_seconds', 'When the outgoing volume was scanned to its end last.'),
  } satisfies Partial<SenderMetrics>;
}

/** By-products of scans and of what is in flight: read when they are asked for. */
function observeQueues(metrics: Metrics, observed: Observed): void {
  metrics.gauge('ssm_in_flight_messages', 'Claimed and not yet done.', [], (gauge) => gauge.set(observed.inFlight().messages));
  metrics.gauge('ssm_in_flight_bytes', 'Bytes of the claimed files.', [], (gauge) => gauge.set(observed.inFlight().bytes));
  metrics.gauge('ssm_waiting_messages', 'Files that failed and wait for their next try.', [], (gauge) => gauge.set(observed.waiting()));
  metrics.gauge('ssm_queue_elements', 'Elements of a queue, as the last look at it found.', ['queue'], async (gauge) => {
    const { depth, locked } = observed.outgoing();
    gauge.set({ queue: 'outgoing' }, depth);
    gauge.set({ queue: 'outgoing-locked' }, locked);
    const quarantined = await observed.quarantined();
    if (quarantined !== undefined) gauge.set({ queue: 'quarantine' }, quarantined);
  });
  metrics.gauge('ssm_queue_oldest_age_seconds', 'Age of the oldest element; 0 when there is none.', ['queue'], (gauge) => {
    const { oldest } = observed.outgoing();
    gauge.set({ queue: 'outgoing' }, oldest === undefined ? 0 : Math.max(0, (observed.now().getTime() - oldest.getTime()) / 1000));
  });
}
