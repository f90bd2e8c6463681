import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createMetrics, type Metrics } from '../src/metrics.js';
import { addProcessMetrics } from '../src/process-metrics.js';

const create = (): Metrics => createMetrics({ service: 'sender', version: '1.2.3' });

test('build info', async () => {
  const text = await create().render();
  assert.ok(text.includes(`ssm_build_info{version="1.2.3",node="${process.versions.node}",service="sender"} 1`), text);
});

test('counters, gauges, histograms in the text format', async () => {
  const metrics = create();
  metrics.counter('ssm_messages_total', 'Messages.', ['result']).inc({ result: 'sent' }, 2);
  metrics.counter('ssm_scans_total', 'Scans.');
  metrics.gauge('ssm_depth', 'Depth.', [], (gauge) => gauge.set(7));
  metrics.histogram('ssm_seal_duration_seconds', 'Seal.', ['kind'], [0.1, 1]).observe({ kind: 'a' }, 0.5);
  const text = await metrics.render();
  for (const line of [
    '# TYPE ssm_messages_total counter',
    'ssm_messages_total{result="sent"} 2',
    'ssm_scans_total 0',
    'ssm_depth 7',
    'ssm_seal_duration_seconds_bucket{le="0.1",kind="a"} 0',
    'ssm_seal_duration_seconds_bucket{le="1",kind="a"} 1',
    'ssm_seal_duration_seconds_count{kind="a"} 1',
  ])
    assert.ok(text.includes(`${line}\n`), `${line}\nin\n${text}`);
  assert.match(metrics.contentType, /^text\/plain; version=0\.0\.4/);
});

test('names against the conventions, and names given twice, are refused at once', () => {
  const metrics = create();
  assert.throws(() => metrics.counter('ssm_messages', 'Help.'), TypeError);
  assert.throws(() => metrics.gauge('ssm_x_total', 'Help.'), TypeError);
  assert.throws(() => metrics.histogram('ssm_x', 'Help.'), TypeError);
  metrics.gauge('ssm_x', 'Help.');
  assert.throws(() => metrics.gauge('ssm_x', 'Help.'));
});

test('describe tells every metric of the text', async () => {
  const metrics = create();
  const stop = addProcessMetrics(metrics, {
    health: { ready: () => ({ ready: true, components: {} }), live: () => ({ live: true }) },
    output: { dropped: 0 },
  });
  metrics.counter('ssm_messages_total', 'Messages.', ['result', 'reason']);
  const text = await metrics.render();
  stop();
  const described = metrics.describe();
  assert.deepEqual(
    described.map(({ name, type }) => `${name} ${type}`).toSorted(),
    [...text.matchAll(/^# TYPE (.*)$/gm)].map(([, line]) => line ?? '').toSorted(),
  );
  assert.deepEqual(described.at(-1), { name: 'ssm_messages_total', type: 'counter', help: 'Messages.', labels: ['result', 'reason'] });
});

test('a value that cannot be found out is left out, counted, and costs nothing else', async () => {
  const metrics = create();
  let fail = false;
  metrics.gauge('ssm_depth', 'Depth.', [], async (gauge) => {
    if (fail) throw new Error('unreadable');
    gauge.set(7);
  });
  metrics.gauge('ssm_other', 'Other.').set(1);
  assert.match(await metrics.render(), /^ssm_depth 7$/m);
  fail = true;
  await metrics.render();
  const text = await metrics.render();
  assert.doesNotMatch(text, /^ssm_depth \d/m);
  assert.match(text, /^ssm_other 1$/m);
  assert.match(text, /^ssm_metrics_collect_failures_total [12]$/m);
});

test('calls at the same time share one collection', async () => {
  const metrics = create();
  let collected = 0;
  metrics.gauge('ssm_depth', 'Depth.', [], () => {
    collected += 1;
  });
  await Promise.all([metrics.render(), metrics.render(), metrics.render()]);
  assert.equal(collected, 1);
  await metrics.render();
  assert.equal(collected, 2);
});

test('a value that takes too long is left out and not asked for again until it is there', async () => {
  const metrics = createMetrics({ service: 'sender', version: '1', collectMs: 20 });
  let asked = 0;
  const waiting: (() => void)[] = [];
  metrics.gauge('ssm_depth', 'Depth.', ['queue'], async (gauge) => {
    asked += 1;
    await new Promise<void>((resolve) => waiting.push(resolve));
    gauge.set({ queue: 'a' }, asked);
  });
  for (let scrape = 0; scrape < 3; scrape += 1) assert.doesNotMatch(await metrics.render(), /^ssm_depth\{/m);
  assert.equal(asked, 1);
  waiting.shift()?.();
  const later = metrics.render();
  await setImmediate();
  waiting.shift()?.();
  assert.match(await later, /^ssm_depth\{queue="a"\} \d$/m);
  assert.match(await metrics.render(), /^ssm_metrics_collect_failures_total \d$/m);
});
