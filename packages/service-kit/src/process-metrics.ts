import { readdir } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Health } from './health.js';
import type { LogOutput } from './log-output.js';
import type { Metrics } from './metrics.js';

const NANOSECONDS = 1e9;
/** Each measurement wakes the process; at 50 ms that costs nothing that one could see. */
const EVENT_LOOP_RESOLUTION_MS = 50;

export interface ProcessMetricSources {
  readonly health: Pick<Health, 'live' | 'ready'>;
  readonly output: Pick<LogOutput, 'dropped'>;
}

/**
 * The process in a dozen lines of metrics, under this product's prefix and naming rules (prom-client's own set has thirty, some with
 * names against the conventions). Returns a function that ends the measuring of the event loop.
 */
export function addProcessMetrics(metrics: Metrics, sources: ProcessMetricSources): () => void {
  const { health, output } = sources;
  const dropped = metrics.counter('ssm_log_lines_dropped_total', 'Log lines dropped because the reader was too slow or the disk full.');
  let droppedBefore = 0;
  metrics.gauge('ssm_ready', '1 when the service is ready, as /health/ready says, else 0.', [], (gauge) => {
    gauge.set(health.ready().ready ? 1 : 0);
    dropped.inc(output.dropped - droppedBefore);
    droppedBefore = output.dropped;
  });
  metrics.gauge('ssm_live', '0 when the service is stuck, as /health/live says, else 1.', [], (gauge) =>
    gauge.set(health.live().live ? 1 : 0),
  );
  const loop = monitorEventLoopDelay({ resolution: EVENT_LOOP_RESOLUTION_MS });
  loop.enable();
  const cpu = metrics.counter('ssm_process_cpu_seconds_total', 'User and system CPU time.');
  let counted = 0;
  metrics.gauge('ssm_process_start_time_seconds', 'Start of the process since the epoch.').set(Math.round(performance.timeOrigin / 1000));
  metrics.gauge('ssm_process_resident_memory_bytes', 'Resident memory.', [], (gauge) => {
    gauge.set(process.memoryUsage.rss());
    const { user, system } = process.cpuUsage();
    cpu.inc((user + system) / 1e6 - counted);
    counted = (user + system) / 1e6;
  });
  metrics.gauge('ssm_process_heap_bytes', 'Memory of JavaScript objects in use.', [], (gauge) => gauge.set(process.memoryUsage().heapUsed));
  metrics.gauge('ssm_process_buffers_bytes', 'Memory of buffers.', [], (gauge) => gauge.set(process.memoryUsage().arrayBuffers));
  metrics.gauge('ssm_process_open_files', 'Open file descriptors, sockets included; Linux only.', [], async (gauge) => {
    const names = await readdir('/proc/self/fd');
    gauge.set(names.length);
  });
  metrics.gauge('ssm_process_event_loop_delay_seconds', 'Longest delay of the event loop since the last scrape.', [], (gauge) => {
    // Nothing was measured since the last scrape: the histogram then has a nonsensical maximum.
    gauge.set(loop.count === 0 ? 0 : Math.max(0, loop.max / NANOSECONDS - EVENT_LOOP_RESOLUTION_MS / 1000));
    loop.reset();
  });
  return () => void loop.disable();
}
