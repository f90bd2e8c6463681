import type { TrustStore } from '@ssm/empa';
import type { Counter, Gauge, Histogram, Metrics } from '@ssm/service-kit';

/** Issuers whose CRL is shown at most; all CAs of the grid are about a hundred. */
const MAXIMUM_ISSUERS = 500;
const STAGE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];

export type CertificateLabel = 'identity' | 'broker';
export type ReloadSource = 'identity' | 'trust' | 'authorisation';

/** What is looked up when the metrics are read. */
export interface Observed {
  readonly now: () => Date;
  readonly inFlight: () => { readonly messages: number; readonly bytes: number };
  /** undefined: not counted yet, or never. */
  readonly incoming: () => { readonly elements: number; readonly oldest: Date | undefined } | undefined;
  readonly reject: () => { readonly elements: number; readonly bytes: number };
  /** Messages that wait for another volume, here or, for too long, at the broker. */
  readonly held: () => number;
}

export interface ReceiverMetrics {
  readonly received: Counter<'broker'>;
  readonly receivedBytes: Counter<'broker'>;
  readonly messages: Counter<'result'>;
  readonly bytes: Counter<'result'>;
  readonly rejected: Counter<'code'>;
  readonly reduced: Counter<'code'>;
  readonly unacknowledged: Counter;
  readonly stageDuration: Histogram<'stage'>;
  readonly lastSuccess: Gauge;
  readonly signerLastMessage: Gauge<'signer'>;
  readonly consuming: Gauge;
  readonly troubles: Counter<'component'>;
  readonly recordFailures: Counter<'operation'>;
  readonly recovered: Counter<'queue'>;
  readonly storedTwice: Counter;
  readonly brokerConnected: Gauge<'broker'>;
  readonly brokerReconnects: Counter<'broker'>;
  readonly brokerDisconnects: Counter<'broker'>;
  readonly brokerLag: Gauge<'broker'>;
  readonly reloadFailed: Gauge<'source'>;
  readonly reloads: Counter<'source'>;
  readonly trustProblems: Gauge;
  readonly allowedSigners: Gauge;
  readonly deniedSigners: Gauge;
  /** When a certificate ends. */
  certificate(label: CertificateLabel, notAfter: Date): void;
  crls(trust: TrustStore): void;
}

export function createReceiverMetrics(metrics: Metrics, observed: Observed): ReceiverMetrics {
  observeQueues(metrics, observed);
  return { ...flowMetrics(metrics), ...troubleMetrics(metrics), ...brokerMetrics(metrics), ...materialMetrics(metrics, observed.now) };
}

function flowMetrics(metrics: Metrics) {
  return {
    received: metrics.counter('ssm_received_messages_total', 'Deliveries taken from a broker, repeated ones included.', ['broker']),
    receivedBytes: metrics.counter('ssm_received_wire_bytes_total', 'Bytes of these deliveries, as they came.', ['broker']),
    messages: metrics.counter('ssm_messages_total', 'Messages by what became of them.', ['result']),
    bytes: metrics.counter('ssm_bytes_total', 'Bytes of files by what became of them.', ['result']),
    rejected: metrics.counter('ssm_rejected_messages_total', 'Messages put into the reject queue, by reason.', ['code']),
    reduced: metrics.counter('ssm_rejects_reduced_total', 'Rejects of which only reason and SHA-256 were kept for want of room.', ['code']),
    unacknowledged: metrics.counter('ssm_unacknowledged_messages_total', 'Messages that were done when their connection was gone.'),
    stageDuration: metrics.histogram('ssm_stage_duration_seconds', 'Time that a stage took.', ['stage'], STAGE_BUCKETS),
    lastSuccess: metrics.gauge('ssm_last_success_timestamp_seconds', 'When a message was stored last.'),
    signerLastMessage: metrics.gauge('ssm_signer_last_message_timestamp_seconds', 'Last accepted message of a listed signer.', ['signer']),
  } satisfies Partial<ReceiverMetrics>;
}

function troubleMetrics(metrics: Metrics) {
  return {
    consuming: metrics.gauge('ssm_consuming', 'Whether messages are taken from the brokers; 0 while something here is wrong.'),
    troubles: metrics.counter('ssm_local_troubles_total', 'Times that something here was found wrong, by component.', ['component']),
    recordFailures: metrics.counter('ssm_delivery_record_failures_total', 'Failures of the delivery record, by operation.', ['operation']),
    recovered: metrics.counter('ssm_recovered_messages_total', 'Recorded messages made visible after a crash.', ['queue']),
    storedTwice: metrics.counter('ssm_stored_twice_messages_total', 'Messages that another volume has stored too.'),
  } satisfies Partial<ReceiverMetrics>;
}

function brokerMetrics(metrics: Metrics) {
  return {
    brokerConnected: metrics.gauge('ssm_broker_connected', 'Whether the broker is connected.', ['broker']),
    brokerReconnects: metrics.counter('ssm_broker_reconnects_total', 'Connections made after the first.', ['broker']),
    brokerDisconnects: metrics.counter('ssm_broker_disconnects_total', 'Connections lost, and attempts that failed.', ['broker']),
    brokerLag: metrics.gauge('ssm_broker_lag_messages', 'Messages that wait at the broker, where it says so.', ['broker']),
  } satisfies Partial<ReceiverMetrics>;
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
    reloads: metrics.counter('ssm_reloads_total', 'Times that a value was loaded from its files again.', ['source']),
    trustProblems: metrics.gauge('ssm_trust_problems', 'Files of the trust directory that were left out.'),
    allowedSigners: metrics.gauge('ssm_allowed_signers', 'DNs on the allow list in use.'),
    deniedSigners: metrics.gauge('ssm_denied_signers', 'DNs on the deny list in use.'),
    certificate: (label, end) => {
      ends.set(label, end);
      notAfter.set({ certificate: label }, end.getTime() / 1000);
    },
    crls: ({ crls }) => {
      nextUpdate.reset();
      for (const { issuer, nextUpdate: time } of crls.slice(0, MAXIMUM_ISSUERS))
        if (time !== undefined) nextUpdate.set({ issuer }, time.getTime() / 1000);
    },
  } satisfies Partial<ReceiverMetrics>;
}

function observeQueues(metrics: Metrics, { held, incoming, inFlight, now, reject }: Observed): void {
  metrics.gauge('ssm_held_messages', 'Messages that came here, and wait for another volume that has them half-way.', [], (gauge) =>
    gauge.set(held()),
  );
  metrics.gauge('ssm_in_flight_messages', 'Taken from a broker and not yet done.', [], (gauge) => gauge.set(inFlight().messages));
  metrics.gauge('ssm_in_flight_bytes', 'Bytes of these messages.', [], (gauge) => gauge.set(inFlight().bytes));
  metrics.gauge('ssm_queue_elements', 'Elements of a queue, as the last look at it found.', ['queue'], (gauge) => {
    const counted = incoming();
    if (counted !== undefined) gauge.set({ queue: 'incoming' }, counted.elements);
    gauge.set({ queue: 'reject' }, reject().elements);
  });
  metrics.gauge('ssm_queue_bytes', 'Bytes of a queue, as the last look at it found.', ['queue'], (gauge) => {
    gauge.set({ queue: 'reject' }, reject().bytes);
  });
  metrics.gauge('ssm_queue_oldest_age_seconds', 'Age of the oldest element; 0 when there is none.', ['queue'], (gauge) => {
    const counted = incoming();
    if (counted === undefined) return;
    const { oldest } = counted;
    gauge.set({ queue: 'incoming' }, oldest === undefined ? 0 : Math.max(0, (now().getTime() - oldest.getTime()) / 1000));
  });
}
