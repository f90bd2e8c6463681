/** One file on its way: claim -> seal -> publish -> confirm -> remove. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Claim, OutgoingQueue, ReadResult } from '@ssm/spool';
import type { Publisher } from '@ssm/transport';
import type { ByteBudget } from './budget.js';
import { SenderError } from './errors.js';
import type { Held, HeldElement } from './held.js';
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

export interface Line {
  readonly queue: OutgoingQueue;
  readonly publisher: Publisher;
  readonly held: Held;
  readonly budget: ByteBudget;
  /** Largest body and largest message, bytes. */
  readonly limits: { readonly body: number; readonly message: number };
  /** Throws SenderError identity-not-valid and the like when nothing may be sealed now. */
  readonly seal: (file: ReadResult) => Promise<Uint8Array>;
  readonly now: () => Date;
  /** Runs a stage and measures it. */
  readonly timed: <T>(stage: Stage | 'read', work: Promise<T>) => Promise<T>;
  readonly passed: StageHook;
  /** What was sent cannot be removed yet. */
  readonly removalFailed: (claim: Claim, error: unknown) => void;
}

/** Never rejects: what happened to the element is the result. */
export async function sendOne(name: string, line: Line): Promise<SendResult> {
  const held = line.held.enter(name);
  let claim: Claim | undefined;
  let leave: (() => void) | undefined;
  try {
    await line.passed('scan', name);
    claim = await line.timed('claim', line.queue.claim(name));
    if (claim === undefined) return { outcome: 'taken', name };
    held.claimed(claim);
    await line.passed('claim', name);
    refuseReserved(claim.name);
    leave = await line.budget.take(Math.min(claim.size, line.limits.body) * COPIES, held.signal);

    const { message, bytes, deliveryId } = await readAndSeal(claim, line);
    await line.passed('seal', name);

    held.signal.throwIfAborted();
    const published = line.timed('publish', line.publisher.publish({ id: claim.name, body: message }, held.signal));
    const [{ broker }] = await Promise.all([published, line.passed('publish', name)]);
    held.confirmed();
    await line.passed('confirm', name);

    const removal = await line.timed('remove', removeSent(claim, held, line));
    await line.passed('remove', name);
    return { outcome: 'sent', name, empaId: claim.name, deliveryId, bytes, wireBytes: message.length, broker, removal };
  } catch (error) {
    return await giveBack(name, claim, error, line);
  } finally {
    leave?.();
    held.drop();
  }
}

/** The receiver takes a message with this id for a sign of life and forgets it: the file would be lost. */
function refuseReserved(name: string): void {
  if (name === 'ping') throw new SenderError('name-reserved', 'a message named "ping" is ignored by every receiver; rename the file');
}

interface Sealed {
  readonly message: Uint8Array;
  readonly deliveryId: string;
  /** Of the file, which is not kept in memory while the message is on its way. */
  readonly bytes: number;
}

async function readAndSeal(claim: Claim, { timed, seal, limits }: Line): Promise<Sealed> {
  const file = await timed('read', claim.read(limits.body));
  const message = await timed('seal', seal(file));
  if (message.length <= limits.message) return { message, deliveryId: file.deliveryId, bytes: file.body.length };
  throw new SenderError('sealed-too-large', `the sealed message has ${message.length} bytes, limits.message allows ${limits.message}`);
}

/** The broker has it, so it must not be sent again: only the removal is tried again, until it works or the process ends. */
async function removeSent(claim: Claim, held: HeldElement, line: Line): Promise<'removed' | 'replaced' | 'lost' | 'left'> {
  for (let delay = REMOVAL_RETRY_MS.initial; ; delay = Math.min(delay * 2, REMOVAL_RETRY_MS.maximum)) {
    try {
      return await claim.remove();
    } catch (error) {
      if (codeOf(error) === 'claim-lost') return 'lost';
      line.removalFailed(claim, error);
    }
    try {
      await sleep(delay, undefined, { signal: held.signal });
    } catch {
      await claim.release().catch((error: unknown) => line.removalFailed(claim, error));
      return 'left';
    }
  }
}

async function giveBack(name: string, claim: Claim | undefined, error: unknown, line: Line): Promise<SendResult> {
  const bytes = claim?.size ?? 0;
  const verdict = judge(error);
  let fault = error;
  if (claim !== undefined && verdict === 'quarantine') {
    const code = codeOf(error);
    try {
      const as = await claim.quarantine({ code, message: messageOf(error), at: line.now() });
      return { outcome: 'quarantined', name, empaId: claim.name, bytes, code, as, error };
    } catch (cause) {
      fault = cause;
    }
  }
  // A claim that cannot be released either is freed by its age, or at the next start.
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
