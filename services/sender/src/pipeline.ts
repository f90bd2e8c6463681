/** One file on its way: claim -> seal -> publish -> confirm -> remove. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Claim, OutgoingQueue, ReadResult } from '@ssm/spool';
import type { OutgoingMessage, Publisher } from '@ssm/transport';
import type { ByteBudget } from './budget.js';
import { SenderError } from './errors.js';
import type { ElementInFlight, InFlight } from './in-flight.js';
import { partDeliveryId, type Split } from './split/split.js';
import { codeOf, judge, messageOf } from './verdict.js';

/** The stage boundaries: what is true when each is passed stands in docs/architecture.md. */
export const STAGES = ['scan', 'claim', 'seal', 'publish', 'confirm', 'remove'] as const;
export type Stage = (typeof STAGES)[number];
/** Called when an element has passed a boundary; the send goes on when it resolves. `publish` has no answer from the broker yet. */
export type StageHook = (stage: Stage, name: string) => void | Promise<void>;

/** `name` is what the scan called the element, `empaId` what it is sent as. */
export type SendResult =
  | {
      readonly outcome: 'sent';
      readonly name: string;
      readonly empaId: string;
      readonly deliveryId: string;
      readonly bytes: number;
      readonly wireBytes: number;
      /** Messages that it was sent as; more than one when it was split. */
      readonly messages: number;
      readonly broker: string;
      /** `replaced`: a writer put a new file at the name meanwhile. `lost`: the lock was freed under us. `left`: the process ends first. */
      readonly removal: 'removed' | 'replaced' | 'lost' | 'left';
    }
  | { readonly outcome: 'taken'; readonly name: string }
  | {
      readonly outcome: 'retry';
      readonly name: string;
      readonly empaId: string;
      readonly bytes: number;
      readonly code: string;
      readonly error: unknown;
      /** The fault may be this element's: let it wait before the next try. */
      readonly later: boolean;
      readonly modified: Date | undefined;
    }
  | {
      readonly outcome: 'quarantined';
      readonly name: string;
      readonly empaId: string;
      readonly bytes: number;
      readonly code: string;
      readonly as: string;
      readonly error: unknown;
    };

/** A file and its message are in memory together for a moment. */
const COPIES = 2;
/** Between tries to remove what was sent. */
const REMOVAL_RETRY_MS = { initial: 500, maximum: 30_000 };

/** What a file needs on its way. */
export interface Pipeline {
  readonly queue: OutgoingQueue;
  readonly publisher: Publisher;
  readonly inFlight: InFlight;
  readonly budget: ByteBudget;
  /** Largest file that is read, and largest message, bytes. */
  readonly limits: { readonly file: number; readonly message: number };
  /** undefined: the file goes as a whole. Rejects with SenderError not-splittable. */
  readonly split: (body: Uint8Array) => Promise<Split | undefined>;
  /** Throws SenderError identity-not-valid and the like when nothing may be sealed now. */
  readonly seal: (file: ReadResult) => Promise<Uint8Array>;
  readonly now: () => Date;
  /** Runs a stage and measures it. */
  readonly timed: <T>(stage: Stage | 'read', work: Promise<T>) => Promise<T>;
  readonly passed: StageHook;
  /** What was sent cannot be removed yet. */
  readonly removalFailed: (claim: Claim, attempts: number, error: unknown) => void;
}

/** Never rejects: what happened to the element is the result. */
export async function sendOne(name: string, pipeline: Pipeline): Promise<SendResult> {
  const element = pipeline.inFlight.enter(name);
  let claim: Claim | undefined;
  let leave: (() => void) | undefined;
  try {
    await pipeline.passed('scan', name);
    claim = await pipeline.timed('claim', pipeline.queue.claim(name));
    if (claim === undefined) return { outcome: 'taken', name };
    element.claimed(claim);
    await pipeline.passed('claim', name);
    refuseReserved(claim.name);
    leave = await pipeline.budget.take(Math.min(claim.size, pipeline.limits.file) * COPIES, element.signal);

    const load = await readFile(claim, pipeline);
    const sent = await publishAll(load, name, element, pipeline);
    element.confirmed();
    await pipeline.passed('confirm', name);

    const removal = await pipeline.timed('remove', removeSent(claim, element, pipeline));
    await pipeline.passed('remove', name);
    const { deliveryId, bytes } = load;
    return { outcome: 'sent', name, empaId: claim.name, deliveryId, bytes, ...sent, removal };
  } catch (error) {
    return await giveBack(name, claim, error, pipeline);
  } finally {
    leave?.();
    element.drop();
  }
}

/** Old receivers take a message with this id for a sign of life and forget it, whatever is in it: the file would be lost. */
function refuseReserved(name: string): void {
  if (name === 'ping')
    throw new SenderError('name-reserved', 'old receivers forget a message named "ping", whatever is in it; rename the file');
}

/** What a file is sent as. */
interface Load {
  readonly deliveryId: string;
  /** Of the file, which is not kept in memory while it is on its way as a whole. */
  readonly bytes: number;
  /** Messages that it is sent as. */
  readonly count: number;
  /** Sealed when it is asked for. */
  readonly message: (index: number) => OutgoingMessage | Promise<OutgoingMessage>;
}

async function readFile(claim: Claim, pipeline: Pipeline): Promise<Load> {
  const file = await pipeline.timed('read', claim.read(pipeline.limits.file));
  const { deliveryId } = file;
  const parts = await pipeline.split(file.body);
  const bytes = file.body.length;
  if (parts !== undefined) return { deliveryId, bytes, ...sealParts(claim.name, deliveryId, parts, pipeline) };
  const whole = { id: claim.name, body: await sealOne(file, pipeline) };
  return { deliveryId, bytes, count: 1, message: () => whole };
}

/** The names and delivery ids of parts are the same at every attempt. */
function sealParts(name: string, deliveryId: string, parts: Split, pipeline: Pipeline): Pick<Load, 'count' | 'message'> {
  const message = async (index: number): Promise<OutgoingMessage> => {
    const part = { body: parts.body(index), deliveryId: partDeliveryId(deliveryId, index) };
    return { id: `${name}.part${index + 1}`, body: await sealOne(part, pipeline) };
  };
  return { count: parts.count, message };
}

async function sealOne(file: ReadResult, { timed, seal, limits }: Pipeline): Promise<Uint8Array> {
  const message = await timed('seal', seal(file));
  if (message.length <= limits.message) return message;
  throw new SenderError(
    'sealed-too-large',
    `the sealed message has ${message.length} bytes, ${limits.message} are allowed (limits.message; with AMS also ams.maximumMessage)`,
  );
}

interface Published {
  readonly wireBytes: number;
  readonly messages: number;
  /** Of the last one. */
  readonly broker: string;
}

/** Resolves when a broker has all of them. A crash in between, and all are sent again: the receiver finds the duplicates. */
async function publishAll(load: Load, name: string, element: ElementInFlight, pipeline: Pipeline): Promise<Published> {
  let sent: Published = { wireBytes: 0, messages: 0, broker: '' };
  for (let index = 0; index < load.count; index += 1) {
    const message = await load.message(index);
    await pipeline.passed('seal', name);
    element.signal.throwIfAborted();
    const published = pipeline.timed('publish', pipeline.publisher.publish(message, element.signal));
    const passed = pipeline.passed('publish', name);
    const { broker } = passed === undefined ? await published : (await Promise.all([published, passed]))[0];
    sent = { wireBytes: sent.wireBytes + message.body.length, messages: sent.messages + 1, broker };
  }
  return sent;
}

/** The broker has it, so it must not be sent again: only the removal is tried again, until it works or the process ends. */
async function removeSent(claim: Claim, element: ElementInFlight, pipeline: Pipeline): Promise<'removed' | 'replaced' | 'lost' | 'left'> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await claim.remove();
    } catch (error) {
      if (codeOf(error) === 'claim-lost') return 'lost';
      pipeline.removalFailed(claim, attempts, error);
    }
    try {
      const delay = Math.min(REMOVAL_RETRY_MS.initial * 2 ** (attempts - 1), REMOVAL_RETRY_MS.maximum);
      await sleep(delay, undefined, { signal: element.signal });
    } catch {
      await claim.release().catch((error: unknown) => pipeline.removalFailed(claim, attempts, error));
      return 'left';
    }
  }
}

async function giveBack(name: string, claim: Claim | undefined, error: unknown, pipeline: Pipeline): Promise<SendResult> {
  const bytes = claim?.size ?? 0;
  const verdict = judge(error);
  let fault = error;
  if (claim !== undefined && verdict === 'quarantine') {
    const code = codeOf(error);
    try {
      const as = await claim.quarantine({ code, message: messageOf(error), at: pipeline.now() });
      return { outcome: 'quarantined', name, empaId: claim.name, bytes, code, as, error };
    } catch (cause) {
      fault = cause;
    }
  }
  // A claim that cannot be released either is freed by its age, by a purge, or at the next start.
  await claim?.release().catch((cause: unknown) => {
    fault = cause;
  });
  const empaId = claim?.name ?? name;
  return {
    outcome: 'retry',
    name,
    empaId,
    bytes,
    code: codeOf(fault),
    error: fault,
    later: judge(fault) !== 'retry',
    modified: claim?.modified,
  };
}
