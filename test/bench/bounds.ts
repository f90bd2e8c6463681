import type { ServiceName } from '../support/services.js';
import { KB, type KeyName, type Load } from './plan.js';

// What a service cannot do without for a message, and the share of it that it must reach.

/** What the machine can do, by name, in calls a second or bytes a second. */
export type Limits = ReadonlyMap<string, number>;

export const LIMIT = {
  sign: { RSA: 'limit: RSA-2048 signatures', 'P-256': 'limit: EC P-256 signatures' },
  verify: { RSA: 'limit: RSA-2048 verifications', 'P-256': 'limit: EC P-256 verifications' },
  decrypt: 'limit: RSA-2048 private-key operations, two threads',
  decryptOne: 'RSA-2048 private-key operations, main thread alone',
  durable: (bytes: number) => `limit: durable adds, ${bytes / KB} KB`,
  digest: 'limit: SHA-256',
  seal: 'limit: SHA-256, AES-128 and base64',
  unseal: 'limit: base64, AES-128 and SHA-256, decrypting',
} as const;

/** In bytes a second. */
export const BYTE_LIMITS: readonly string[] = [LIMIT.digest, LIMIT.seal, LIMIT.unseal];

export interface Bound {
  readonly of: string;
  /** Share that a service must reach; null: shown, not judged. */
  readonly share: number | null;
  /** Of several bounds of a service and a load with this only the lowest is judged. */
  readonly lowestOnly: boolean;
}

const SENDER_OF_SIGNATURES = 0.45;
const RECEIVER_SHARE = 0.5;
const SHARE_OF_BYTES = 0.6;
const LARGE_FROM = 100 * KB;

export const isLarge = ({ bytes }: Pick<Load, 'bytes'>): boolean => bytes >= LARGE_FROM;

/** The passes over the bytes of a message that its format asks for, and no others: text is signed as it is, and only what is encrypted is base64. */
const passes = (service: ServiceName, encrypted: boolean): string => {
  if (!encrypted) return LIMIT.digest;
  return service === 'sender' ? LIMIT.seal : LIMIT.unseal;
};

function senderBounds(load: Load): Bound[] {
  const { key } = load;
  // The target is a share of RSA signatures. EC signatures are so quick that something else is the limit: compared with RSA instead.
  const share = key === 'RSA' ? SENDER_OF_SIGNATURES : null;
  const signatures = { of: LIMIT.sign[key], share, lowestOnly: isLarge(load) };
  if (!isLarge(load)) return [signatures];
  const bytes = { of: passes('sender', load.encrypted), share: key === 'RSA' ? SHARE_OF_BYTES : null, lowestOnly: true };
  return [bytes, signatures];
}

const bound = (of: string, share = RECEIVER_SHARE): Bound => ({ of, share, lowestOnly: true });

function receiverBounds(load: Load): Bound[] {
  return [
    bound(LIMIT.durable(load.bytes)),
    ...(load.encrypted ? [bound(LIMIT.decrypt)] : []),
    ...(isLarge(load) ? [bound(passes('receiver', load.encrypted), SHARE_OF_BYTES)] : []),
  ];
}

/** The first is the one that is named with the service's own figure. */
export const boundsOf = (service: ServiceName, load: Load): Bound[] => (service === 'sender' ? senderBounds(load) : receiverBounds(load));

/** Messages of this load a second that a limit allows. NaN: it was not measured. */
export function allowed(of: string, load: Pick<Load, 'bytes'>, limits: Limits): number {
  return (limits.get(of) ?? Number.NaN) / (BYTE_LIMITS.includes(of) ? load.bytes : 1);
}

/** The key whose signatures are the quicker ones. */
export const quickerKey = (limits: Limits): KeyName =>
  (limits.get(LIMIT.sign['P-256']) ?? 0) > (limits.get(LIMIT.sign.RSA) ?? 0) ? 'P-256' : 'RSA';
