/** Everything is open: names flow from the passes through the window into sendOne(), until the service stops or the run is over. */
import { sealMessage } from '@ssm/empa';
import { EXIT_CODES, type Running, runBounded, type ServiceContext } from '@ssm/service-kit';
import { largestAmsBody, type Publisher } from '@ssm/transport';
import { BrokerHealth, followStatus, isConnected } from './broker.js';
import { ByteBudget } from './budget.js';
import type { SenderConfig } from './config.js';
import { SenderError } from './errors.js';
import type { Materials } from './materials.js';
import { ONCE_ATTEMPTS, OnceRun } from './once.js';
import type { Parts } from './parts.js';
import { elements, type PassSources } from './passes.js';
import { type Pipeline, type StageHook, sendOne } from './pipeline.js';
import { failureLevel } from './report.js';
import { split } from './split/split.js';
import { stageTiming } from './stage-timing.js';
import { startUpkeep } from './upkeep.js';

/** So long before the end of shutdown.drain what is still unsent is given back. */
const GIVE_BACK_MS = 3000;
/** While a file is still being written, a run that ends looks again after this time. */
const ONCE_SCAN_MS = 500;

export interface FlowParts {
  readonly config: SenderConfig;
  readonly context: ServiceContext;
  readonly parts: Parts;
  readonly materials: Materials;
  readonly publisher: Publisher;
  readonly onStage: StageHook | undefined;
}

export function runFlow(all: FlowParts): Running {
  const { config, context, parts, publisher } = all;
  const { inFlight, report, volume } = parts;
  const ending = new AbortController();
  // A signal that came while the service started has aborted it already, and will not do so again.
  if (context.stopping.aborted) ending.abort();
  else context.stopping.addEventListener('abort', () => ending.abort(), { once: true });
  context.health.pending(() => inFlight.size > 0 && !volume.troubled && isConnected(publisher));

  const upkeep = startUpkeep({ outgoing: config.outgoing, log: context.log, parts, ending: ending.signal });
  const broker = new BrokerHealth(context.health);
  const { log } = context;
  const status = followStatus(publisher, { log, broker, metrics: parts.metrics, turned: (connected) => upkeep.turned(connected) });
  const run = config.once ? createOnceRun(all, ending.signal) : undefined;
  const pipeline = createPipeline(all);
  const flow = runBounded(
    elements(passSources(all, ending.signal, run)),
    async (name) => {
      const start = performance.now();
      const result = await sendOne(name, pipeline);
      report.note(result, (performance.now() - start) / 1000);
      if (result.outcome === 'sent') broker.confirmed();
      run?.note(result);
    },
    { limit: config.broker.window, signal: ending.signal },
  );
  context.onStop('files in flight', async (deadline) => {
    await giveBackLate(all, flow, deadline);
    upkeep.close();
  });
  return { done: run === undefined ? untilStopped(flow, status) : untilDrained(all, ending, flow, run) };
}

function createOnceRun({ config, context, parts }: FlowParts, ending: AbortSignal): OnceRun {
  const { layout, stability } = config.outgoing;
  const stabilityMs = layout === 'directory' ? stability : 0;
  const { depth, inFlight } = parts;
  const left = (): number | undefined => (depth.isKnown ? depth.depth : undefined);
  return new OnceRun({ inFlight, log: context.log, stabilityMs, ending, now: () => performance.now(), left });
}

function passSources({ config, parts, materials, publisher }: FlowParts, stopping: AbortSignal, run: OnceRun | undefined): PassSources {
  const { queue, inFlight, backoff, depth, volume, wake, begin, readiness, report, metrics, now } = parts;
  const { scanInterval } = config.outgoing;
  return {
    queue,
    inFlight,
    backoff,
    depth,
    volume,
    wake,
    begin,
    stopping,
    closed: () => readiness.sealing(materials) ?? (isConnected(publisher) ? undefined : 'no broker is connected'),
    gone: () => report.gone,
    completed: () => metrics.lastScan.set(now().getTime() / 1000),
    scanIntervalMs: run === undefined ? scanInterval : Math.min(scanInterval, ONCE_SCAN_MS),
    ...(run === undefined ? {} : { attempts: ONCE_ATTEMPTS, finished: (pass) => run.finished(pass) }),
  };
}

function createPipeline({ config, context, parts, materials, publisher, onStage }: FlowParts): Pipeline {
  const { queue, inFlight, metrics, now, volume } = parts;
  const { cipher } = config.encryption;
  const { transferEncoding } = config.message;
  const splits = config.message.split === 'records';
  const limits = { body: config.limits.body, message: largestMessage(config) };
  const sealing = { recipients: config.encryption.recipients.length, transferEncoding };
  return {
    queue,
    publisher,
    inFlight,
    now,
    limits: { file: splits ? Math.max(config.limits.splitFile, limits.body) : limits.body, message: limits.message },
    split: async (body) => (splits ? split(body, limits, sealing) : undefined),
    budget: new ByteBudget(config.broker.byteBudget),
    seal: async ({ body, deliveryId }) => {
      const { identity, recipients } = materials.forSealing();
      const certificates = recipients.map(({ certificate }) => certificate);
      return sealMessage(body, { signer: identity, recipients: certificates, cipher, transferEncoding, deliveryId, now: now() });
    },
    timed: stageTiming({ volume, health: context.health, observe: (stage, seconds) => metrics.stageDuration.observe({ stage }, seconds) }),
    passed: onStage ?? (() => undefined),
    removalFailed: ({ name }, attempts, error) => {
      volume.elementFailed(error);
      context.log[failureLevel(attempts, volume)]('a sent file cannot be removed yet', { empaId: name, attempts, error });
      context.health.moved();
    },
  };
}

/** On the wire, before AMS puts it into base64 once more. */
function largestMessage({ ams, limits, transport }: SenderConfig): number {
  return transport === 'ams' ? Math.min(limits.message, largestAmsBody(ams.maximumMessage)) : limits.message;
}

/** Waits for the answers of the broker; shortly before the deadline what has none is given back, to be sent after the next start. */
async function giveBackLate({ config, context, parts }: FlowParts, flow: Promise<void>, deadline: AbortSignal): Promise<void> {
  const { drain } = config.shutdown;
  const giveBack = (): void => {
    if (parts.inFlight.size > 0) context.log.warn('files given back since the service stops', { count: parts.inFlight.size });
    parts.inFlight.close(new SenderError('stopping', 'the service stops'));
  };
  const timer = setTimeout(giveBack, Math.max(drain - GIVE_BACK_MS, drain / 2));
  deadline.addEventListener('abort', giveBack, { once: true });
  try {
    await flow;
  } finally {
    clearTimeout(timer);
    deadline.removeEventListener('abort', giveBack);
  }
}

/** The service has no end of its own; if one of its loops fails, that is one. */
function untilStopped(flow: Promise<void>, status: Promise<void>): Promise<number> {
  return new Promise((resolve, reject) => {
    flow.then(() => resolve(EXIT_CODES.ok), reject);
    status.catch(reject);
  });
}

async function untilDrained(
  { config, context, parts }: FlowParts,
  ending: AbortController,
  flow: Promise<void>,
  run: OnceRun,
): Promise<number> {
  const deadline = setTimeout(() => {
    context.log.error('the deadline of the run has passed', { onceDeadlineMs: config.onceDeadline });
    ending.abort();
    parts.inFlight.close(new SenderError('stopping', 'the deadline of the run has passed'));
  }, config.onceDeadline);
  try {
    await flow;
  } finally {
    clearTimeout(deadline);
  }
  return run.conclude();
}
