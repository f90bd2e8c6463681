import type { Limits } from './limits.js';
import type { Identity, TrustStore, VerifyPolicy } from './trust-store.js';
import type { Certificate } from './x509/certificate.js';
import type { DistinguishedName } from './x509/name.js';

export interface OpenOptions {
  /** Decryption identities, tried by RecipientInfo; old and new key during a renewal. */
  readonly identities: readonly Identity[];
  readonly trust: TrustStore;
  readonly now: Date;
  readonly policy?: VerifyPolicy;
  readonly limits?: Partial<Limits>;
  /** Read 3DES content. Default false. */
  readonly allowTripleDes?: boolean;
  /** Refuse a signingTime older than so many milliseconds. Default: no limit. */
  readonly maximumAgeMs?: number;
}

export interface OpenedMessage {
  readonly body: Uint8Array;
  readonly signer: DistinguishedName;
  readonly certificate: Certificate;
  /** Content-ID of the signed part, without its angle brackets. */
  readonly deliveryId?: string;
  readonly signingTime?: Date;
  readonly encrypted: boolean;
}

/** Raw message in, verified body out; or an EmpaError that names code and step. */
export function openMessage(_raw: Uint8Array, _options: OpenOptions): Promise<OpenedMessage> {
  throw new Error('not built');
}
