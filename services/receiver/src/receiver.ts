import type { Logger, Running, ServiceContext } from '@ssm/service-kit';
import { createStompSubscriber, type Delivery } from '@ssm/transport';
import { audit } from './audit.js';
import { stompOptions } from './brokers.js';
import { checkConfig, type ReceiverConfig } from './config.js';
import { createDesk } from './desk.js';
import type { Need } from './guard.js';
import { Intake } from './intake.js';
import { LateTrust } from './late-trust.js';
import { createLocal, type Local, prepareLocal } from './local.js';
import { type Depth, runMaintenance } from './maintenance.js';
import { type MaterialOptions, watchCredentials, watchLists, watchTrust } from './materials.js';
import { createReceiverMetrics, type ReceiverMetrics } from './metrics.js';
import { type Desk, type Result, receiveOne } from './pipeline.js';
import { type Counters, countResult } from './results.js';
import { SignerClock } from './signers.js';
import type { StageHook } from './steps.js';
import { WorkInHand } from './work.js';

/** What must be in order for being ready. */
const COMPONENTS = ['incoming', 'reject', 'delivery-record', 'trust', 'identity', 'authorisation', 'broker'];

/** For tests; the service runs without any. */
export interface ReceiverOptions {
  readonly onStage?: StageHook;
  readonly now?: () => Date;
  readonly random?: () => number;
  /** Pause before the first look whether trouble is over, milliseconds. */
  readonly firstPauseMs?: number;
}

/**
 * Starts the service and resolves; it runs until context.stopping aborts. Rejects with what a start is refused for: ServiceError
 * config-invalid, and what loadCredentials and loadSignerLists throw. Whatever else is missing here makes it not ready until it is there.
 */
export async function startReceiver(config: ReceiverConfig, context: ServiceContext, options: ReceiverOptions = {}): Promise<Running> {
  checkConfig(config);
  context.health.require(...COMPONENTS);
  const { log } = context;
  const now = options.now ?? ((): Date => new Date());
  const local = createLocal(config, now);
  const work = new WorkInHand();
  let depth: Depth | undefined;
  const metrics = createReceiverMetrics(context.metrics, {
    now,
    inFlight: () => work,
    incoming: () => depth,
    reject: () => local.rejects.usage,
  });
  const signers = config.metrics.signers ? new SignerClock(metrics.signerLastMessage, config.metrics.maximumSigners) : undefined;
  const materials: MaterialOptions = { config, context, metrics, now };
  const lists = await watchLists(materials, (newest) => signers?.listsChanged(newest));
  const credentials = await watchCredentials(materials);
  const trust = new LateTrust(() => watchTrust(materials));
  const desk = createDesk({ config, context, metrics, local, lists, credentials, trust, now, onStage: options.onStage });
  const intake: Intake = new Intake({
    context,
    metrics,
    prepare: (need) => prepare({ local, trust, metrics, signal: context.stopping }, need),
    connect: () =>
      createStompSubscriber(stompOptions(config, { credentials: () => credentials.current, anchors: () => trust.current.anchors })),
    receive: (delivery) => work.during(delivery.body.length, () => receive(delivery, desk, { metrics, signers, log, now })),
    beside: () =>
      runMaintenance({
        config,
        local,
        log,
        now,
        onDepth: (counted) => {
          depth = counted;
        },
        isTroubled: () => intake.troubled,
        signal: context.stopping,
      }),
    window: config.window,
    drainMs: config.shutdown.drain,
    random: options.random ?? Math.random,
    firstPauseMs: options.firstPauseMs,
  });
  context.health.pending(() => work.messages > 0 && !intake.troubled);
  return intake.start();
}

interface Readiness {
  readonly local: Local;
  readonly trust: LateTrust;
  readonly metrics: ReceiverMetrics;
  readonly signal: AbortSignal;
}

async function prepare({ local, metrics, signal, trust }: Readiness, need: Need): Promise<void> {
  await trust.ready(need.components.has('trust'));
  const finished = await prepareLocal(local, need, signal);
  metrics.recovered.inc({ queue: 'incoming' }, finished.incoming);
  metrics.recovered.inc({ queue: 'reject' }, finished.reject);
}

interface Books extends Counters {
  readonly log: Logger;
  readonly now: () => Date;
}

async function receive(delivery: Delivery, desk: Desk, books: Books): Promise<Result> {
  const { body, broker } = delivery;
  books.metrics.received.inc({ broker });
  books.metrics.receivedBytes.inc({ broker }, body.length);
  const result = await receiveOne(delivery, desk);
  countResult(books, delivery, result, books.now());
  audit(books.log, delivery, result);
  return result;
}
