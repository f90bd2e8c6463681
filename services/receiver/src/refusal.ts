import { EmpaError, type EmpaErrorCode, type OpenedMessage } from '@ssm/empa';
import type { SignerLists } from './authorise.js';
import { sha256 } from './delivery-key.js';
import type { ReceiverErrorCode } from './errors.js';
import { harmless } from './text.js';

/** Characters of a reason. */
const MAXIMUM_MESSAGE = 500;

type RejectCode = EmpaErrorCode | Extract<ReceiverErrorCode, 'dn-not-listed' | 'dn-denied' | 'not-utf8' | 'internal-error'>;

/** Why a message is not stored in incoming, and what is known of it. */
export interface Refusal {
  readonly code: RejectCode;
  readonly message: string;
  /** Slash form, where the signature could be read. */
  readonly signer: string | undefined;
  /** The decoded body, where the signature over it was good. */
  readonly body: Uint8Array | undefined;
  /**
   * Of a listed signer's message, refused for the state of our own trust directory alone: worth waiting for when there is no room for it.
   * All others (undefined) can be made by somebody whom nobody here asked to send, in any number. So can copies of such a message, by
   * changing what nobody signed: this is the same for all of them that are refused for the same reason. (A copy that was given another CA's
   * certificates, to be refused for that CA's sake, has another, and does not take the true one's place.)
   */
  readonly waitsAs: string | undefined;
  /** The same message may be accepted later, when something here was put right. */
  readonly replayable: boolean;
}

/** Codes that name a state of this receiver's trust, keys or lists as much as a fault of the message. */
const REPLAYABLE: ReadonlySet<string> = new Set<RejectCode>([
  'algorithm-unsupported',
  'no-matching-recipient',
  'message-too-large',
  'limit-exceeded',
  'signing-time-too-old',
  // Our clock may be wrong; where it is right a replay refuses it again.
  'certificate-expired',
  'certificate-not-yet-valid',
  'chain-incomplete',
  'purpose-refused',
  'crl-expired',
  'crl-missing',
  'crl-invalid',
  'signing-policy-refused',
  'signing-policy-missing',
  'signing-policy-malformed',
  'dn-not-listed',
  'dn-denied',
  'not-utf8',
  'internal-error',
]);

/** Codes that say that our revocation lists are old, which is our own trouble while the trust directory cannot be read. */
const STALE_TRUST: ReadonlySet<EmpaErrorCode> = new Set<EmpaErrorCode>(['crl-expired', 'crl-missing', 'crl-invalid']);

/** Codes that say what our trust directory lacks; nothing of it is the message's fault. */
const OWN_TRUST: ReadonlySet<EmpaErrorCode> = new Set<EmpaErrorCode>([
  ...STALE_TRUST,
  'signing-policy-refused',
  'signing-policy-missing',
  'signing-policy-malformed',
]);

export function refusalOf(error: unknown, lists: Pick<SignerLists, 'judge'>): Refusal {
  if (!(error instanceof EmpaError)) {
    const message = 'the message made the receiver fail; please report it';
    return { code: 'internal-error', message, signer: undefined, body: undefined, waitsAs: undefined, replayable: true };
  }
  return {
    code: error.code,
    message: harmless(error.message, MAXIMUM_MESSAGE),
    signer: error.partial.signer?.toString(),
    body: error.partial.body,
    waitsAs: OWN_TRUST.has(error.code) && isOfListed(error, lists) ? nameOf(error) : undefined,
    replayable: isReplayable(error.code),
  };
}

const OF_OPENED = {
  'dn-not-listed': 'the signer is not on the allow list',
  'dn-denied': 'the signer is on the deny list',
  'not-utf8': 'the file is not UTF-8 text',
} as const satisfies Partial<Record<RejectCode, string>>;

/** Of a genuine message, that this receiver does not take. */
export function refusalOfOpened(code: keyof typeof OF_OPENED, { signer, body }: OpenedMessage): Refusal {
  return { code, message: OF_OPENED[code], signer: signer.toString(), body, waitsAs: undefined, replayable: true };
}

/** Of a message that is larger than what is taken from a broker at all (limits.message). */
export function refusalOfSize(bytes: number): Refusal {
  const message = `${bytes} bytes are more than this receiver takes; the message was not kept`;
  return { code: 'message-too-large', message, signer: undefined, body: undefined, waitsAs: undefined, replayable: false };
}

/** A CA that we trust issued the signer's certificate, and its subject may send. */
function isOfListed({ partial: { signer }, step }: EmpaError, lists: Pick<SignerLists, 'judge'>): boolean {
  const isVouched = step === 'revocation' || step === 'signing-policy';
  return isVouched && signer !== undefined && lists.judge(signer) === 'allowed';
}

/** The reason names CAs and certificates that these have issued, so there are few for one message. */
function nameOf({ code, message, partial: { signed } }: EmpaError): string {
  return sha256(JSON.stringify(['waits', signed, code, message]));
}

/** Whether the same message may be accepted later, when something here was put right. */
export function isReplayable(code: string): boolean {
  return REPLAYABLE.has(code);
}

/** A listed signer's message, refused because our revocation lists are old: of others it would be anybody's to stop us with. */
export function isStaleTrust(error: unknown, lists: Pick<SignerLists, 'judge'>): boolean {
  return error instanceof EmpaError && STALE_TRUST.has(error.code) && isOfListed(error, lists);
}
