import type { CipherName } from './cms/algorithms.js';
import { ContentEncryptor } from './cms/content-encryption.js';
import { writeEnvelopedData } from './cms/enveloped-data.js';
import { contentDigest, writeSignedData } from './cms/signed-data.js';
import { canonicalFrame, eachCanonicalPiece, writeMultipartSigned, writePkcs7Mime, writeSignedPart } from './mime.js';
import type { Identity } from './trust-store.js';
import type { Certificate } from './x509/certificate.js';

export type { CipherName } from './cms/algorithms.js';

export interface SealOptions {
  /** Its certificate goes with the message, and its intermediates. */
  readonly signer: Identity;
  /** Empty: signed only. */
  readonly recipients?: readonly Certificate[];
  /** Default `aes128` (CBC). */
  readonly cipher?: CipherName;
  /** `auto`: 7bit where the bytes allow it, else quoted-printable. `base64` always. Default `auto`. */
  readonly transferEncoding?: 'auto' | 'base64';
  /** Goes into the signed part as its Content-ID: visible ASCII but `<` and `>`, at most 255 characters. */
  readonly deliveryId?: string;
  /** Becomes the signing time. */
  readonly now: Date;
}

/**
 * Body in, S/MIME message (RFC 8551, LF line ends) out: signed as multipart/signed (section 3.5.3), and then encrypted (section 3.3) if there
 * is a recipient. The body is not copied at once: it must not change before this resolves.
 * Errors: key-unsupported (a signer's key that is neither RSA nor EC, a recipient's that is not RSA), message-malformed (a delivery id that
 * no header can hold).
 */
export async function sealMessage(body: Uint8Array, options: SealOptions): Promise<Uint8Array> {
  const part = writeSignedPart(body, options);
  if ((options.recipients ?? []).length > 0) return await signedAndEncrypted(part, options);
  const digest = contentDigest();
  eachCanonicalPiece(part, (piece) => digest.update(piece));
  return writeMultipartSigned(part, await writeSignedData(digest, options.signer, options.now));
}

/** The canonical form is made once, and never as a whole: each piece of it is digested, and encrypted, before there is a signature. */
async function signedAndEncrypted(
  part: readonly Buffer[],
  { signer, now, recipients = [], cipher = 'aes128' }: SealOptions,
): Promise<Buffer> {
  const digest = contentDigest();
  const encryptor = new ContentEncryptor(cipher);
  const frame = canonicalFrame();
  encryptor.add(frame.before);
  eachCanonicalPiece(part, (piece) => {
    digest.update(piece);
    encryptor.add(piece);
  });
  encryptor.add(frame.after(await writeSignedData(digest, signer, now)));
  const cms = writeEnvelopedData(encryptor.finish(), recipients);
  return writePkcs7Mime(cms, cipher.endsWith('-gcm') ? 'authEnveloped-data' : 'enveloped-data');
}
