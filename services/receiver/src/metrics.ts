import { type Counter, type Gauge, type Metrics, type SharedMetrics, sharedMetrics } from '@ssm/service-kit';

type CertificateLabel = 'identity' | 'broker';
export type ReloadSource = 'identity' | 'trust' | 'authorisation';

/** What is looked up when the metrics are read. */
export interface Observed {
  readonly now: () => Date;
  readonly inFlight: () => { readonly messages: number; readonly bytes: number };
  /** undefined: not counted yet, or never. */
  readonly incoming: () => { readonly elements: number; readonly oldest: Date | undefined } | undefined;
  /** undefined: not measured yet. */
  readonly reject: () => { readonly elements: number; readonly bytes: number } | undefined;
  /** Messages that wait for another volume, here or, for too long, at the broker. */
  readonly held: () => number;
}

export interface ReceiverMetrics extends SharedMetrics<CertificateLabel> {
  readonly received: Counter<'broker'>;
  readonly receivedBytes: Counter<'broker'>;
  readonly rejected: Counter<'code'>;
  readonly reduced: Counter<'code'>;
  readonly unacknowledged: Counter;
  readonly lastSuccess: Gauge;
  readonly signerLastMessage: Gauge<'signer'>;
  readonly consuming: Gauge;
  readonly troubles: Counter<'component'>;
  readonly recordFailures: Counter<'operation'>;
  readonly recovered: Counter<'queue'>;
  readonly storedTwice: Counter;
  readonly brokerLag: Gauge<'broker'>;
  readonly allowedSigners: Gauge;
  readonly deniedSigners: Gauge;
}

export function createReceiverMetrics(metrics: Metrics, observed: Observed): ReceiverMetrics {
  observeQueues(metrics, observed);
  return { ...sharedMetrics(metrics, observed.now), ...flowMetrics(metrics), ...localMetrics(metrics) };
}

function flowMetrics(metrics: Metrics) {
  return {
    received: metrics.counter('ssm_received_messages_total', 'Deliveries taken from a broker, repeated ones included.', ['broker']),
    receivedBytes: metrics.counter('ssm_received_wire_bytes_total', 'Bytes of these deliveries, as they came.', ['broker']),
    rejected: metrics.counter('ssm_rejected_messages_total', 'Messages put into the reject queue, by reason.', ['code']),
    reduced: metrics.counter('ssm_rejects_reduced_total', 'Rejects of which only reason and SHA-256 were kept for want of room.', ['code']),
    brokerLag: metrics.gauge('ssm_broker_lag_messages', 'Messages that wait at the broker, where it says so.', ['broker']),
    unacknowledged: metrics.counter('ssm_unacknowledged_messages_total', 'Messages that were done when their connection was gone.'),
    lastSuccess: metrics.gauge('ssm_last_success_timestamp_seconds', 'When a message was stored last.'),
    signerLastMessage: metrics.gauge('ssm_signer_last_message_timestamp_seconds', 'Last accepted message of a listed signer.', ['signer']),
  } satisfies Partial<ReceiverMetrics>;
}

function localMetrics(metrics: Metrics) {
  return {
    consuming: metrics.gauge('ssm_consuming', 'Whether messages are taken from the brokers; 0 while something here is wrong.'),
    troubles: metrics.counter('ssm_local_troubles_total', 'Times that something here was found wrong, by component.', ['component']),
    recordFailures: metrics.counter('ssm_delivery_record_failures_total', 'Failures of the delivery record, by operation.', ['operation']),
    recovered: metrics.counter('ssm_recovered_messages_total', 'Recorded messages made visible after a crash.', ['queue']),
    storedTwice: metrics.counter('ssm_stored_twice_messages_total', 'Messages that another volume has stored too.'),
    allowedSigners: metrics.gauge('ssm_allowed_signers', 'DNs on the allow list in use.'),
    deniedSigners: metrics.gauge('ssm_denied_signers', 'DNs on the deny list in use.'),
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
    const measured = reject();
    if (measured !== undefined) gauge.set({ queue: 'reject' }, measured.elements);
  });
  metrics.gauge('ssm_queue_bytes', 'Bytes of a queue, as the last look at it found.', ['queue'], (gauge) => {
    const measured = reject();
    if (measured !== undefined) gauge.set({ queue: 'reject' }, measured.bytes);
  });
  metrics.gauge('ssm_queue_oldest_age_seconds', 'Age of the oldest element; 0 when there is none.', ['queue'], (gauge) => {
    const counted = incoming();
    if (counted === undefined) return;
    const { oldest } = counted;
    gauge.set({ queue: 'incoming' }, oldest === undefined ? 0 : Math.max(0, (now().getTime() - oldest.getTime()) / 1000));
  });
}
