import type { Counter, Gauge, Histogram, Metrics } from './metrics.js';

/** Issuers whose CRL is shown at most; all CAs of the grid are about a hundred. */
const MAXIMUM_ISSUERS = 500;
const STAGE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];

/** What both services measure; docs/metrics.md says where they do not count quite the same. `C`: whose certificates. */
export interface SharedMetrics<C extends string> {
  readonly messages: Counter<'result'>;
  readonly bytes: Counter<'result'>;
  readonly stageDuration: Histogram<'stage'>;
  readonly brokerConnected: Gauge<'broker'>;
  readonly brokerReconnects: Counter<'broker'>;
  readonly brokerDisconnects: Counter<'broker'>;
  readonly reloadFailed: Gauge<'source'>;
  readonly reloads: Counter<'source'>;
  readonly trustProblems: Gauge;
  /** When a certificate ends. */
  certificate(label: C, notAfter: Date): void;
  crls(crls: readonly { readonly issuer: string; readonly nextUpdate: Date | undefined }[]): void;
}

export function sharedMetrics<C extends string>(metrics: Metrics, now: () => Date): SharedMetrics<C> {
  return {
    messages: metrics.counter('ssm_messages_total', 'Messages by what became of them.', ['result']),
    bytes: metrics.counter('ssm_bytes_total', 'Bytes of files by what became of them.', ['result']),
    stageDuration: metrics.histogram('ssm_stage_duration_seconds', 'Time that a stage took.', ['stage'], STAGE_BUCKETS),
    brokerConnected: metrics.gauge('ssm_broker_connected', 'Whether the broker is connected.', ['broker']),
    brokerReconnects: metrics.counter('ssm_broker_reconnects_total', 'Connections made after the first.', ['broker']),
    brokerDisconnects: metrics.counter('ssm_broker_disconnects_total', 'Connections lost, and attempts that failed.', ['broker']),
    reloadFailed: metrics.gauge('ssm_reload_failed', 'Whether the newest attempt to load failed and an older value is in use.', ['source']),
    reloads: metrics.counter('ssm_reloads_total', 'Times that a value was loaded from its files.', ['source']),
    trustProblems: metrics.gauge('ssm_trust_problems', 'Files of the trust directory that were left out.'),
    ...expiries(metrics, now),
  };
}

function expiries<C extends string>(metrics: Metrics, now: () => Date): Pick<SharedMetrics<C>, 'certificate' | 'crls'> {
  const ends = new Map<C, Date>();
  const notAfter = metrics.gauge('ssm_certificate_not_after_timestamp_seconds', 'When the certificate ends.', ['certificate']);
  metrics.gauge('ssm_certificate_remaining_seconds', 'Time until the certificate ends; negative afterwards.', ['certificate'], (gauge) => {
    for (const [certificate, end] of ends) gauge.set({ certificate }, (end.getTime() - now().getTime()) / 1000);
  });
  const nextUpdate = metrics.gauge('ssm_crl_next_update_timestamp_seconds', 'When the CRL of an issuer runs out.', ['issuer']);
  return {
    certificate: (label, end) => {
      ends.set(label, end);
      notAfter.set({ certificate: label }, end.getTime() / 1000);
    },
    crls: (crls) => {
      nextUpdate.reset();
      for (const { issuer, nextUpdate: time } of crls.slice(0, MAXIMUM_ISSUERS))
        if (time !== undefined) nextUpdate.set({ issuer }, time.getTime() / 1000);
    },
  };
}
