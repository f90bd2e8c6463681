import type { TrustStore } from '@ssm/empa';
import type { Logger, Reloadable, ServiceContext } from '@ssm/service-kit';
import type { Delivery } from '@ssm/transport';
import { audit } from './audit.js';
import type { SignerLists } from './authorise.js';
import { checkConfig, type ReceiverConfig } from './config.js';
import { createPipeline } from './create-pipeline.js';
import { type Credentials, type ReceiverSources, sourcesOf } from './credentials.js';
import type { Need } from './guard.js';
import { InFlight } from './in-flight.js';
import { LateTrust } from './late-trust.js';
import { createLocal, type Local, prepareLocal } from './local.js';
import type { Depth } from './maintenance.js';
import { type MaterialOptions, watchCredentials, watchLists, watchTrust, whenNew } from './materials.js';
import { createReceiverMetrics, type ReceiverMetrics } from './metrics.js';
import { type Pipeline, type Result, receiveOne } from './pipeline.js';
import { countResult, reportRecovery, wireBytes } from './results.js';
import { SignerClock } from './signers.js';
import type { StageHook } from './steps.js';
import type { LocalComponent } from './trouble.js';

/** For tests; the service runs without any. */
export interface StationOptions {
  readonly onStage?: StageHook;
  readonly now?: () => Date;
}

/** Everything that a message passes, put together: the same for what a broker delivers and for what is tried again. */
export interface Station {
  readonly local: Local;
  readonly metrics: ReceiverMetrics;
  readonly credentials: Reloadable<Credentials>;
  readonly trust: LateTrust;
  readonly pipeline: Pipeline;
  readonly inFlight: InFlight;
  readonly now: () => Date;
  /** Undefined: switched off. */
  readonly signers: SignerClock | undefined;
  readonly showDepth: (depth: Depth) => void;
  /** For the connections to brokers and servers. */
  readonly sources: ReceiverSources;
  readonly warnOfServer: (warnings: readonly unknown[]) => void;
  /**
   * Trust and lists at the time of the last message that the reject queue had no room for. Once either is another, messages are taken again
   * though there is still no room: that one may be accepted now.
   */
  judgedBy: Rules | undefined;
  /** When incoming took a message last, as performance.now() counts. */
  storedAt: number;
}

interface Rules {
  readonly trust: TrustStore;
  readonly lists: SignerLists;
}

/** Rejects with ServiceError config-invalid, and with what loadCredentials and loadSignerLists throw. */
export async function createStation(config: ReceiverConfig, context: ServiceContext, options: StationOptions): Promise<Station> {
  checkConfig(config);
  const now = options.now ?? ((): Date => new Date());
  const sources = sourcesOf(
    () => credentials.current,
    () => trust.current.anchors,
  );
  const local = createLocal(config, { now, moved: () => context.health.moved(), sources, stopping: context.stopping });
  const { sharing } = local.incoming.record;
  context.onStop('shared record', () => sharing?.close());
  const inFlight = new InFlight();
  let depth: Depth | undefined;
  const observed = {
    now,
    inFlight: () => inFlight,
    incoming: () => depth,
    reject: () => (local.rejects.measured ? local.rejects.usage : undefined),
    held: () => local.incoming.holding?.messages ?? 0,
  };
  const metrics = createReceiverMetrics(context.metrics, observed);
  const { maximumSigners: maximum, signers: shown } = config.metrics;
  const warnOfMore = (): void => context.log.warn(MORE_SIGNERS, { maximum });
  const signers = shown && maximum > 0 ? new SignerClock(metrics.signerLastMessage, maximum, warnOfMore) : undefined;
  const materials: MaterialOptions = { config, context, metrics, now };
  const lists = await watchLists(materials, (newest) => signers?.listsChanged(newest));
  const credentials = await watchCredentials(materials);
  const trust = new LateTrust(() => watchTrust(materials));
  const pipeline = createPipeline({ config, context, metrics, local, lists, credentials, trust, now, onStage: options.onStage });
  return {
    local,
    metrics,
    credentials,
    trust,
    pipeline,
    inFlight,
    now,
    signers,
    sources,
    warnOfServer: whenNew((warnings) => context.log.warn('the server of the shared record needs a look', { warnings })),
    judgedBy: undefined,
    storedAt: Number.NEGATIVE_INFINITY,
    showDepth: (counted) => {
      depth = counted;
    },
  };
}

const MORE_SIGNERS = 'more signers send than metrics.maximumSigners shows: no alert tells when one of the others falls silent';

const NEW_RECORD = 'what comes again will be kept twice; was the record lost, or is its volume not mounted?';

/** Everything here that must be right before a message is taken; finishes what a crash left half-way. Rejects with LocalTrouble. */
export async function prepareStation(
  station: Station,
  need: Need,
  context: Pick<ServiceContext, 'health' | 'log' | 'stopping'>,
): Promise<void> {
  const { local, metrics, trust } = station;
  await trust.ready(need.components.has('trust'));
  if (trust.failure === undefined) context.health.set('trust', true);
  const recovery = await prepareLocal(local, changedSince(station) ? without(need, 'reject') : need, context.stopping);
  const records = local.bond.takeNewRecords();
  if (records.length > 0) context.log.warn('incoming was used before, but a record beside it is new', { records, detail: NEW_RECORD });
  station.warnOfServer(local.incoming.record.sharing?.warnings ?? []);
  reportRecovery(recovery, { log: context.log, metrics });
}

function changedSince({ pipeline, judgedBy, trust }: Station): boolean {
  return judgedBy !== undefined && (judgedBy.trust !== trust.current || judgedBy.lists !== pipeline.lists());
}

function without(need: Need, component: LocalComponent): Need {
  return { ...need, components: new Set([...need.components].filter((one) => one !== component)) };
}

/** One message through the pipeline, counted and written into the log. Never rejects. */
export async function receive(station: Station, pipeline: Pipeline, delivery: Delivery, log: Logger): Promise<Result> {
  const { inFlight, metrics, now, signers } = station;
  const { broker } = delivery;
  const wire = wireBytes(delivery);
  metrics.received.inc({ broker });
  metrics.receivedBytes.inc({ broker }, wire);
  return await inFlight.during(delivery.body.length, async () => {
    const result = await receiveOne(delivery, pipeline);
    const isRejectFull = result.outcome === 'retry' && result.trouble.component === 'reject' && result.trouble.code === 'space-low';
    if (isRejectFull) station.judgedBy = { trust: station.trust.current, lists: pipeline.lists() };
    if (result.outcome === 'stored') station.storedAt = performance.now();
    countResult({ metrics, signers }, wire, result, now());
    audit(log, delivery, wire, result);
    return result;
  });
}
