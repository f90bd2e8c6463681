import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics, type Metrics } from '@ssm/service-kit';
import { createSenderMetrics, type Observed, type SenderMetrics } from '../src/metrics.js';

const NOW = new Date('2026-03-01T00:00:00Z');

function metricsOf(observed: Partial<Observed> = {}): { readonly registry: Metrics; readonly metrics: SenderMetrics } {
  const registry = createMetrics({ service: 'sender', version: '1.2.3' });
  const metrics = createSenderMetrics(registry, {
    now: () => NOW,
    inFlight: () => ({ messages: 3, bytes: 700 }),
    outgoing: () => ({ depth: 12, locked: 4, oldest: new Date(NOW.getTime() - 90_000) }),
    waiting: () => 2,
    quarantined: () => Promise.resolve(5),
    ...observed,
  });
  return { registry, metrics };
}

describe('createSenderMetrics', () => {
  it('shows what is looked up when the metrics are read', async () => {
    const text = await metricsOf().registry.render();
    for (const line of [
      'ssm_in_flight_messages 3',
      'ssm_in_flight_bytes 700',
      'ssm_waiting_messages 2',
      'ssm_queue_elements{queue="outgoing"} 12',
      'ssm_queue_elements{queue="outgoing-locked"} 4',
      'ssm_queue_elements{queue="quarantine"} 5',
      'ssm_queue_oldest_age_seconds{queue="outgoing"} 90',
      `ssm_build_info{version="1.2.3",node="${process.versions.node}",service="sender"} 1`,
    ]) {
      assert.ok(text.includes(`${line}\n`), line);
    }
  });

  it('shows an empty queue as no age, and no depth of a quarantine that could not be counted', async () => {
    const text = await metricsOf({
      outgoing: () => ({ depth: 0, locked: 0, oldest: undefined }),
      quarantined: () => Promise.resolve(undefined),
    }).registry.render();
    assert.match(text, /ssm_queue_oldest_age_seconds\{queue="outgoing"\} 0\n/);
    assert.doesNotMatch(text, /queue="quarantine"/);
  });

  it('counts down to the end of a certificate', async () => {
    const { registry, metrics } = metricsOf();
    metrics.certificate('identity', new Date(NOW.getTime() + 2 * 86_400_000));
    metrics.certificate('recipient', new Date(NOW.getTime() - 1000));
    const text = await registry.render();
    assert.match(text, /ssm_certificate_remaining_seconds\{certificate="identity"\} 172800\n/);
    assert.match(text, /ssm_certificate_remaining_seconds\{certificate="recipient"\} -1\n/);
    assert.match(text, /ssm_certificate_not_after_timestamp_seconds\{certificate="identity"\} 1772496000\n/);
  });

  it('shows the CRLs of the snapshot in use, and no other', async () => {
    const { registry, metrics } = metricsOf();
    metrics.crls([{ issuer: '/CN=old', nextUpdate: NOW }]);
    metrics.crls([{ issuer: '/CN=new', nextUpdate: NOW }]);
    const text = await registry.render();
    assert.match(text, /ssm_crl_next_update_timestamp_seconds\{issuer="\/CN=new"\} 1772323200\n/);
    assert.doesNotMatch(text, /CN=old/);
  });
});
