/** The certificates that messages are encrypted for: read, and judged again and again. */
import { readFile } from 'node:fs/promises';
import { type Certificate, type Identity, parseCertificates, type TrustStore, type VerifyPolicy, verifyCertificate } from '@ssm/empa';
import { SenderError } from './errors.js';

export interface Recipient {
  readonly path: string;
  readonly certificate: Certificate;
  /** What follows the first certificate in the file. */
  readonly intermediates: readonly Certificate[];
}

/** Errors: recipient-unreadable, recipient-unsupported. */
export function loadRecipients(paths: readonly string[]): Promise<readonly Recipient[]> {
  return Promise.all(paths.map(loadRecipient));
}

async function loadRecipient(path: string): Promise<Recipient> {
  const [certificate, ...intermediates] = await readCertificates(path);
  if (certificate === undefined) throw new SenderError('recipient-unreadable', `${path} holds no certificate`);
  const type = certificate.publicKey.asymmetricKeyType;
  if (type !== 'rsa') {
    // RFC 5753 key agreement is not written by anything that receives here.
    throw new SenderError(
      'recipient-unsupported',
      `${path}: messages can be encrypted for RSA keys only, and this key is ${type ?? 'unknown'}`,
    );
  }
  return { path, certificate, intermediates };
}

async function readCertificates(path: string): Promise<readonly Certificate[]> {
  try {
    return parseCertificates(await readFile(path));
  } catch (cause) {
    throw new SenderError('recipient-unreadable', `cannot read the recipient's certificate ${path}`, { cause });
  }
}

export interface RecipientRules {
  readonly identity: Identity;
  /** Absent: only the dates are judged. */
  readonly trust: TrustStore | undefined;
  readonly policy: VerifyPolicy;
  readonly now: Date;
}

/**
 * Throws when one of the recipients must not be written to now: `recipient-is-self` (own certificate in place of the server's),
 * `recipient-not-valid` (with the reason of the verification as cause).
 */
export function judgeRecipients(recipients: readonly Recipient[], rules: RecipientRules): void {
  for (const recipient of recipients) judge(recipient, rules);
}

function judge({ path, certificate, intermediates }: Recipient, { identity, trust, policy, now }: RecipientRules): void {
  if (certificate.raw.equals(identity.certificate.raw)) {
    throw new SenderError('recipient-is-self', `${path} is this sender's own certificate, not the receiver's`);
  }
  if (now < certificate.notBefore || now >= certificate.notAfter) {
    throw new SenderError(
      'recipient-not-valid',
      `${path} is valid from ${certificate.notBefore.toISOString()} to ${certificate.notAfter.toISOString()}`,
    );
  }
  if (trust === undefined) return;
  try {
    verifyCertificate(certificate, intermediates, trust, { now, policy });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SenderError('recipient-not-valid', `${path} does not verify against ${trust.directory}: ${reason}`, { cause });
  }
}
