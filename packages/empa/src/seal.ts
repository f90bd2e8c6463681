import type { Identity } from './trust-store.js';
import type { Certificate } from './x509/certificate.js';

export type CipherName = 'aes128' | 'aes192' | 'aes256' | 'aes128-gcm' | 'aes192-gcm' | 'aes256-gcm';

export interface SealOptions {
  readonly signer: Identity;
  /** Empty: signed only. */
  readonly recipients?: readonly Certificate[];
  /** Default `aes128` (CBC). */
  readonly cipher?: CipherName;
  /** `auto`: 7bit where the bytes allow it, else quoted-printable. `base64` always. Default `auto`. */
  readonly transferEncoding?: 'auto' | 'base64';
  /** Goes into the signed part as its Content-ID. */
  readonly deliveryId?: string;
  readonly now: Date;
}

/** Body in, S/MIME message (LF line ends) out. Errors: key-unsupported (EC recipient), limit-exceeded. */
export function sealMessage(_body: Uint8Array, _options: SealOptions): Promise<Uint8Array> {
  throw new Error('not built');
}
