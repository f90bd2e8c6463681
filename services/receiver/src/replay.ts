import type { Logger, Running, ServiceContext } from '@ssm/service-kit';
import { NormalReader, SpoolError } from '@ssm/spool';
import type { Delivery } from '@ssm/transport';
import type { ReceiverConfig } from './config.js';
import { NO_NEED } from './guard.js';
import type { Pipeline, Result } from './pipeline.js';
import { isReplayable } from './refusal.js';
import { createStation, prepareStation, receive, type Station, type StationOptions } from './station.js';
import { NO_ID } from './text.js';

/** Where the message of an element seems to come from. */
const BROKER = 'reject queue';
/** The element's own; with others something on this machine is wrong. */
const OF_ELEMENT: readonly string[] = ['claim-lost', 'element-corrupt', 'not-regular', 'too-large'];

export interface ReplayOptions extends StationOptions {
  /** Elements that are tried; absent: all. */
  readonly only?: ReadonlySet<string>;
}

/**
 * Takes every rejected message that may be good by now through the pipeline once more, then ends: what is stored, or was stored before,
 * leaves the reject queue; all else stays in it as it is. A receiver may run beside it. Resolves with exit code 1 when local trouble
 * stopped it.
 */
export async function startReplay(config: ReceiverConfig, context: ServiceContext, options: ReplayOptions = {}): Promise<Running> {
  const station = await createStation(config, context, options);
  await prepareStation(station, NO_NEED, context);
  const reader = new NormalReader({ path: config.reject.path });
  return { done: replay(station, reader, context, options.only) };
}

async function replay(
  station: Station,
  reader: NormalReader,
  { log, stopping }: ServiceContext,
  only: ReplayOptions['only'],
): Promise<number> {
  const counts = { accepted: 0, refused: 0, left: 0 };
  const pipeline: Pipeline = { ...station.pipeline, rejects: { keep: async () => ({ outcome: 'untouched' }) } };
  // A replay that was killed may have left locks.
  await reader.purge().catch((error: unknown) => log.warn('old locks could not be removed', { error }));
  let failure: unknown;
  for await (const name of reader.names()) {
    if (stopping.aborted) break;
    if (only?.has(name) === false) continue;
    const result = await replayOne(name, reader, (delivery) => receive(station, pipeline, delivery, log)).catch((error: unknown) => {
      log.warn('a rejected message could not be tried again', { element: name, error });
      if (!(error instanceof SpoolError && OF_ELEMENT.includes(error.code))) failure ??= error;
      return undefined;
    });
    if (result === undefined) counts.left += 1;
    else if (result.outcome === 'retry') return ended(log, counts, result.trouble);
    else if (result.outcome === 'rejected') counts.refused += 1;
    else counts.accepted += 1;
  }
  return ended(log, counts, failure);
}

function ended(log: Logger, counts: Readonly<Record<string, number>>, trouble?: unknown): number {
  if (trouble === undefined) log.info('the reject queue was tried again', counts);
  else log.error('not all of the reject queue could be tried again', { ...counts, error: trouble });
  return trouble === undefined ? 0 : 1;
}

/** undefined: somebody else has it, or another try makes no sense. */
async function replayOne(name: string, reader: NormalReader, again: (delivery: Delivery) => Promise<Result>): Promise<Result | undefined> {
  if (!(await reader.lock(name))) return undefined;
  let result: Result | undefined;
  try {
    const delivery = deliveryOf(await reader.get(name));
    result = delivery === undefined ? undefined : await again(delivery);
    return result;
  } finally {
    if (result?.outcome === 'stored' || result?.outcome === 'duplicate') await reader.remove(name);
    else await reader.unlock(name);
  }
}

function deliveryOf(element: ReadonlyMap<string, Uint8Array>): Delivery | undefined {
  const text = (key: string): string => Buffer.from(element.get(key) ?? []).toString();
  const [code = ''] = text('error').split(':');
  const body = element.get('raw') ?? element.get('body');
  if (body === undefined || !isReplayable(code)) return undefined;
  const empaid = text('empaid');
  return {
    broker: BROKER,
    empaId: empaid === NO_ID ? undefined : empaid,
    body,
    redelivered: true,
    acknowledge: async () => undefined,
    abandon: () => undefined,
  };
}
