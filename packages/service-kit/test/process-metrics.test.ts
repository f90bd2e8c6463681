import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '../src/metrics.js';
import { addProcessMetrics } from '../src/process-metrics.js';

test('plausible values, readiness and dropped lines', async (t) => {
  const metrics = createMetrics({ service: 'sender', version: '1' });
  const output = { dropped: 3 };
  let ready = false;
  let live = true;
  t.after(addProcessMetrics(metrics, { health: { ready: () => ({ ready, components: {} }), live: () => ({ live }) }, output }));
  const read = async (): Promise<(name: string) => number> => {
    const text = await metrics.render();
    return (name) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
  };
  const first = await read();
  assert.ok(first('ssm_process_resident_memory_bytes') > 1e6);
  assert.ok(first('ssm_process_heap_bytes') > 1e6);
  assert.ok(first('ssm_process_buffers_bytes') >= 0);
  assert.ok(first('ssm_process_open_files') > 2);
  assert.ok(first('ssm_process_event_loop_delay_seconds') >= 0);
  assert.ok(Math.abs(first('ssm_process_start_time_seconds') - performance.timeOrigin / 1000) < 2);
  assert.ok(first('ssm_process_cpu_seconds_total') >= 0);
  assert.equal(first('ssm_ready'), 0);
  assert.equal(first('ssm_live'), 1);
  assert.equal(first('ssm_log_lines_dropped_total'), 3);
  ready = true;
  live = false;
  output.dropped = 5;
  const second = await read();
  assert.equal(second('ssm_ready'), 1);
  assert.equal(second('ssm_live'), 0);
  assert.equal(second('ssm_log_lines_dropped_total'), 5);
  assert.ok(second('ssm_process_cpu_seconds_total') >= first('ssm_process_cpu_seconds_total'));
});
