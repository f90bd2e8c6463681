import type { Running, ServiceContext } from '@ssm/service-kit';
import { createSubscriber } from './brokers.js';
import type { ReceiverConfig } from './config.js';
import { Intake } from './intake.js';
import { runMaintenance } from './maintenance.js';
import { reportRecovery } from './results.js';
import { createStation, prepareStation, receive, type StationOptions } from './station.js';

/** What must be in order for being ready. */
const COMPONENTS = ['incoming', 'reject', 'delivery-record', 'trust', 'identity', 'authorisation', 'broker'];

/** For tests; the service runs without any. */
export interface ReceiverOptions extends StationOptions {
  readonly random?: () => number;
  /** Pause before the first look whether trouble is over, milliseconds. */
  readonly firstPauseMs?: number;
  /** Between two probes of idle volumes, milliseconds. */
  readonly probeIntervalMs?: number;
}

/**
 * Starts the service and resolves; it runs until context.stopping aborts. Rejects with what a start is refused for: see createStation().
 * Whatever else is missing here makes it not ready until it is there.
 */
export async function startReceiver(config: ReceiverConfig, context: ServiceContext, options: ReceiverOptions = {}): Promise<Running> {
  const { health, log, stopping } = context;
  health.require(...COMPONENTS);
  const station = await createStation(config, context, options);
  const { pipeline, inFlight, local, metrics, now, showDepth, sources } = station;
  const subscriber = createSubscriber(config, sources);
  if (config.transport === 'stomp' && config.broker.urls.some((url) => url.startsWith('stomp:')))
    log.warn('a broker is used without TLS', { urls: config.broker.urls });
  const { server } = config.deduplication;
  if (server.startsWith('redis:')) log.warn('the server of the shared record is used without TLS', { server });
  const intake: Intake = new Intake({
    context,
    metrics,
    prepare: (need) => prepareStation(station, need, context),
    subscriber,
    receive: (delivery) => receive(station, pipeline, delivery, log),
    beside: () =>
      runMaintenance({
        config,
        local,
        log,
        now,
        onDepth: showDepth,
        isTroubled: () => intake.troubled,
        storedAt: () => station.storedAt,
        onTrouble: (trouble) => intake.report(trouble),
        onSilence: (component, silentMs) => intake.silent(component, silentMs),
        onRecovery: (recovery) => reportRecovery(recovery, { log, metrics }),
        signal: stopping,
        probeIntervalMs: options.probeIntervalMs,
      }),
    window: config.window,
    drainMs: config.shutdown.drain,
    random: options.random ?? Math.random,
    firstPauseMs: options.firstPauseMs,
  });
  health.pending(() => inFlight.messages > 0 && !intake.troubled);
  return intake.start();
}
