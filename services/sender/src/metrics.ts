import type { TrustStore } from '@ssm/empa';
import type { Counter, Gauge, Histogram, Metrics } from '@ssm/service-kit';

/** Issuers whose CRL is shown at most; all CAs of the grid are about a hundred. */
const MAXIMUM_ISSUERS = 500;
const STAGE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];

type CertificateLabel = 'identity' | 'recipient' | 'broker';

/** What is looked up when the metrics are read. */
export interface Observed {
  readonly now: () => Date;
  readonly inFlight: () => { readonly messages: number; readonly bytes: number };
  readonly outgoing: () => { readonly depth: number; readonly locked: number; readonly oldest: Date | undefined };
  readonly waiting: () => number;
  readonly quarantined: () => Promise<number | undefined>;
}

export interface SenderMetrics {
  readonly messages: Counter<'result'>;
  readonly bytes: Counter<'result'>;
  readonly wireBytes: Counter;
  readonly parts: Counter;
  readonly quarantined: Counter<'code'>;
  readonly retries: Counter<'code'>;
  readonly resent: Counter;
  readonly receiptTimeouts: Counter;
  readonly released: Counter<'reason'>;
  readonly stageDuration: Histogram<'stage'>;
  readonly lastSuccess: Gauge;
  readonly lastScan: Gauge;
  readonly brokerConnected: Gauge<'broker'>;
  readonly brokerReconnects: Counter<'broker'>;
  readonly brokerDisconnects: Counter<'broker'>;
  readonly reloadFailed: Gauge<'source'>;
  readonly reloads: Counter<'source'>;
  readonly trustProblems: Gauge;
  /** When a certificate ends. */
  certificate(label: CertificateLabel, notAfter: Date): void;
  crls(trust: TrustStore): void;
}

export function createSenderMetrics(metrics: Metrics, observed: Observed): SenderMetrics {
  observeQueues(metrics, observed);
  return { ...flowMetrics(metrics), ...brokerMetrics(metrics), ...materialMetrics(metrics, observed.now) };
}

function flowMetrics(metrics: Metrics) {
  return {
    messages: metrics.counter('ssm_messages_total', 'Messages by what became of them.', ['result']),
    bytes: metrics.counter('ssm_bytes_total', 'Bytes of files by what became of them.', ['result']),
    wireBytes: metrics.counter('ssm_sent_wire_bytes_total', 'Bytes of the sealed messages that a broker confirmed.'),
    parts: metrics.counter('ssm_sent_parts_total', 'Messages that files were split into and that a broker confirmed.'),
    quarantined: metrics.counter('ssm_quarantined_messages_total', 'Files put into quarantine, by reason.', ['code']),
    retries: metrics.counter('ssm_retried_messages_total', 'Files left for another try, by reason.', ['code']),
    resent: metrics.counter('ssm_resent_messages_total', 'Messages handed to a broker again since its answer was lost.'),
    receiptTimeouts: metrics.counter('ssm_receipt_timeouts_total', 'Messages for which no receipt came in time.'),
    released: metrics.counter('ssm_claims_released_total', 'Claims given back unsent, by reason.', ['reason']),
    stageDuration: metrics.histogram('ssm_stage_duration_seconds', 'Time that a stage took.', ['stage'], STAGE_BUCKETS),
    lastSuccess: metrics.gauge('ssm_last_success_timestamp_seconds', 'When a broker confirmed a message last.'),
    lastScan: metrics.gauge('ssm_last_scan_timestamp_seconds', 'When the outgoing volume was scanned to its end last.'),
  } satisfies Partial<SenderMetrics>;
}

function brokerMetrics(metrics: Metrics) {
  return {
    brokerConnected: metrics.gauge('ssm_broker_connected', 'Whether the broker is connected.', ['broker']),
    brokerReconnects: metrics.counter('ssm_broker_reconnects_total', 'Connections made after the first.', ['broker']),
    brokerDisconnects: metrics.counter('ssm_broker_disconnects_total', 'Connections lost, and attempts that failed.', ['broker']),
  } satisfies Partial<SenderMetrics>;
}

function materialMetrics(metrics: Metrics, now: () => Date) {
  const ends = new Map<CertificateLabel, Date>();
  const notAfter = metrics.gauge('ssm_certificate_not_after_timestamp_seconds', 'When the certificate ends.', ['certificate']);
  metrics.gauge('ssm_certificate_remaining_seconds', 'Time until the certificate ends; negative afterwards.', ['certificate'], (gauge) => {
    for (const [certificate, end] of ends) gauge.set({ certificate }, (end.getTime() - now().getTime()) / 1000);
  });
  const nextUpdate = metrics.gauge('ssm_crl_next_update_timestamp_seconds', 'When the CRL of an issuer runs out.', ['issuer']);
  return {
    reloadFailed: metrics.gauge('ssm_reload_failed', 'Whether the newest attempt to load failed and an older value is in use.', ['source']),
    reloads: metrics.counter('ssm_reloads_total', 'Values loaded from files that changed.', ['source']),
    trustProblems: metrics.gauge('ssm_trust_problems', 'Files of the trust directory that were left out.'),
    certificate: (label, end) => {
      ends.set(label, end);
      notAfter.set({ certificate: label }, end.getTime() / 1000);
    },
    crls: ({ crls }) => {
      nextUpdate.reset();
      for (const { issuer, nextUpdate: time } of crls.slice(0, MAXIMUM_ISSUERS)) {
        if (time !== undefined) nextUpdate.set({ issuer }, time.getTime() / 1000);
      }
    },
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
