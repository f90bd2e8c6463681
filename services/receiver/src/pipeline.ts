import { isUtf8 } from 'node:buffer';
import type { OpenedMessage } from '@ssm/empa';
import type { QueueRecord } from '@ssm/spool';
import type { Delivery } from '@ssm/transport';
import type { SignerLists } from './authorise.js';
import { deliveryKey } from './delivery-key.js';
import { isStaleTrust, type Refusal, refusalOf, refusalOfOpened, refusalOfSize } from './refusal.js';
import type { Kept, RejectStore } from './reject-store.js';
import { type Shelf, type Shelved, shelve, sizeOf } from './shelf.js';
import type { SpaceReserve } from './space.js';
import type { Step } from './steps.js';
import { empaIdText, PING } from './text.js';
import { LocalTrouble, locally } from './trouble.js';

/** What log and metrics tell of a message that was opened; `size`: bytes of its file. */
export interface Opened extends Pick<OpenedMessage, 'signer' | 'deliveryId' | 'encrypted'> {
  readonly size: number;
}

/** What a message became, durably; a ping carries nothing. Without the message: it may wait long for its acknowledgement. */
type Outcome =
  | (Extract<Shelved, { outcome: 'stored' }> & { readonly opened: Opened })
  | (Extract<Shelved, { outcome: 'duplicate' }> & { readonly opened: Opened })
  /** `size`: bytes of the file, where it could be decoded. */
  | {
      readonly outcome: 'rejected';
      readonly refusal: Omit<Refusal, 'body'>;
      readonly size: number | undefined;
      readonly kept: Kept;
    }
  | { readonly outcome: 'ping' };

/** What became of a delivery. Everything but retry is durable here and acknowledged. */
export type Result = (Outcome & { readonly acknowledged: boolean }) | { readonly outcome: 'retry'; readonly trouble: LocalTrouble };

/** What a message needs on its way. */
export interface Pipeline {
  readonly open: (raw: Uint8Array) => Promise<OpenedMessage>;
  /** Why the newest trust directory is not in use, while that is so. */
  readonly trustFailure: () => Error | undefined;
  readonly lists: () => SignerLists;
  /** Only files that are UTF-8 text are taken. */
  readonly utf8: boolean;
  readonly incoming: Shelf;
  readonly space: SpaceReserve;
  readonly rejects: Pick<RejectStore, 'keep'>;
  readonly rejectShelf: Shelf;
  readonly step: Step;
  /** The time of an acknowledgement could not be recorded: a record lives longer than it need, nothing else. */
  readonly onConfirmFailure: (error: unknown) => void;
}

/**
 * One message from the broker to its place: deliver, open, authorise, stage, record, store, acknowledge. The broker lets go only of what
 * is durable here; whatever else goes wrong is a retry, and the broker keeps it.
 */
export async function receiveOne(delivery: Delivery, pipeline: Pipeline): Promise<Result> {
  try {
    const outcome = await settle(delivery, pipeline);
    // Nothing here knows the message any more: the answer may come behind many others.
    return { ...outcome, acknowledged: await acknowledge(delivery, outcome, pipeline) };
  } catch (error) {
    delivery.abandon();
    return { outcome: 'retry', trouble: error instanceof LocalTrouble ? error : new LocalTrouble('incoming', error) };
  }
}

/** Makes the message durable, wherever it belongs. Rejects where that cannot be. */
async function settle(delivery: Delivery, pipeline: Pipeline): Promise<Outcome> {
  // A delivery that is lost meanwhile has none any more.
  const body = bodyOf(delivery);
  await pipeline.step('deliver', () => undefined);
  if (isPing(delivery, body)) return { outcome: 'ping' };
  const verdict = await judge(delivery, body, pipeline);
  if ('refusal' in verdict) return await reject(delivery, body, verdict.refusal, pipeline);
  return await store(delivery, verdict.opened, pipeline);
}

/** Bytes of a ping: most have none. A message that is signed has many times more, and is one whatever its id. */
const MAXIMUM_PING = 64;

function isPing({ empaId, oversized }: Delivery, body: Uint8Array): boolean {
  return empaId === PING && oversized === undefined && body.length <= MAXIMUM_PING;
}

type Verdict = { readonly opened: OpenedMessage } | { readonly refusal: Refusal };

/** Is it genuine, and may its signer send? Rejects with LocalTrouble where the answer would be our own fault. */
async function judge({ oversized }: Delivery, body: Uint8Array, pipeline: Pipeline): Promise<Verdict> {
  if (oversized !== undefined) return { refusal: refusalOfSize(oversized) };
  let opened: OpenedMessage;
  try {
    opened = await pipeline.step('open', () => pipeline.open(body));
  } catch (error) {
    const failure = pipeline.trustFailure();
    const lists = pipeline.lists();
    if (failure !== undefined && isStaleTrust(error, lists)) throw new LocalTrouble('trust', failure);
    return { refusal: refusalOf(error, lists) };
  }
  const judgement = await pipeline.step('authorise', () => pipeline.lists().judge(opened.signer));
  if (judgement !== 'allowed') return { refusal: refusalOfOpened(judgement, opened) };
  return pipeline.utf8 && !isUtf8(opened.body) ? { refusal: refusalOfOpened('not-utf8', opened) } : { opened };
}

async function store(delivery: Delivery, opened: OpenedMessage, pipeline: Pipeline): Promise<Outcome> {
  const element: QueueRecord = { body: opened.body, signer: opened.signer.toString(), empaid: empaIdText(delivery.empaId) };
  const bytes = sizeOf(element);
  await locally('incoming', () => pipeline.space.take(bytes), bytes);
  const shelved = await shelve(pipeline.incoming, deliveryKey(opened, delivery.empaId), element, pipeline.step);
  const { body, deliveryId, encrypted, signer } = opened;
  return { ...shelved, opened: { signer, encrypted, size: body.length, ...(deliveryId === undefined ? {} : { deliveryId }) } };
}

async function reject({ empaId }: Delivery, body: Uint8Array, refusal: Refusal, pipeline: Pipeline): Promise<Outcome> {
  const kept = await pipeline.rejects.keep(body, empaId, refusal, pipeline.step);
  const { body: decoded, ...reason } = refusal;
  return { outcome: 'rejected', refusal: reason, size: decoded?.length, kept };
}

/** Of what was too large even to be taken from the broker there is no body to be kept. */
function bodyOf({ body, empaId, oversized }: Delivery): Uint8Array {
  return oversized === undefined ? body : Buffer.from(`${empaIdText(empaId)}: ${oversized} bytes, not kept\n`);
}

/**
 * Tells the broker, and then the record that the broker knows. false: the connection is gone, so the broker delivers the message again,
 * and the record finds it.
 */
async function acknowledge(delivery: Delivery, outcome: Outcome, pipeline: Pipeline): Promise<boolean> {
  try {
    await pipeline.step('acknowledge', () => delivery.acknowledge());
  } catch {
    return false;
  }
  try {
    const recorded = recordOf(outcome, pipeline);
    if (recorded !== undefined) await pipeline.step('confirm', () => recorded.shelf.record.confirm(recorded.id));
  } catch (error) {
    pipeline.onConfirmFailure(error);
  }
  return true;
}

function recordOf(outcome: Outcome, pipeline: Pipeline): { readonly shelf: Shelf; readonly id: string } | undefined {
  if (outcome.outcome === 'ping') return undefined;
  if (outcome.outcome !== 'rejected') return { shelf: pipeline.incoming, id: outcome.recordId };
  return 'recordId' in outcome.kept ? { shelf: pipeline.rejectShelf, id: outcome.kept.recordId } : undefined;
}
