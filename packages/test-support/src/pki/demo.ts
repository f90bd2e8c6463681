import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type CertificateOptions, createCertificate, type IssuedCertificate } from './certificate.js';
import { createCrl } from './crl.js';
import type { KeyKind } from './keys.js';
import { signingPolicy, writeTrustDirectory } from './trust-directory.js';

const BASE = '/C=UK/O=eScience';
const LOCAL = ['DNS:localhost', 'IP:127.0.0.1'];

export interface DemoIdentity {
  /** PEM files; the key has mode 0600. */
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly dn: string;
  readonly issued: IssuedCertificate;
}

export interface DemoPki {
  readonly directory: string;
  /** HASH.0, HASH.r0, HASH.signing_policy of the CA. */
  readonly trustDirectory: string;
  readonly caPath: string;
  readonly ca: IssuedCertificate;
  /** Valid for localhost and 127.0.0.1. */
  readonly broker: DemoIdentity;
  readonly sites: readonly [DemoIdentity, DemoIdentity];
  /** The receiver's. */
  readonly server: DemoIdentity;
  /** Signed by a CA that is not in the trust directory, with a subject of the same form. */
  readonly untrusted: DemoIdentity;
  readonly untrustedCaPath: string;
  readonly untrustedCa: IssuedCertificate;
}

function writeIdentity(directory: string, name: string, issued: IssuedCertificate): DemoIdentity {
  const certificatePath = path.join(directory, `${name}.pem`);
  const keyPath = path.join(directory, `${name}-key.pem`);
  writeFileSync(certificatePath, issued.certificatePem, { mode: 0o644 });
  writeFileSync(keyPath, issued.keyPem, { mode: 0o600 });
  return { certificatePath, keyPath, dn: issued.dn, issued };
}

/** A complete set-up for one broker, two sites, one server and an intruder, below a directory of its own. RSA 2048 by default. */
export function createDemoPki(directory: string, options: { readonly key?: KeyKind } = {}): DemoPki {
  const key = options.key ?? 'rsa2048';
  mkdirSync(directory, { recursive: true });
  const ca = createCertificate({ subject: `${BASE}/CN=Demo CA`, key, ca: true });
  const untrustedCa = createCertificate({ subject: `${BASE}/CN=Unknown CA`, key, ca: true });
  const host = (name: string, issuer: IssuedCertificate, more: Partial<CertificateOptions> = {}): DemoIdentity => {
    const eku = ['serverAuth', 'clientAuth'];
    const subject = `${BASE}/OU=Demo/CN=${name}.example.org`;
    return writeIdentity(directory, name, createCertificate({ subject, key, issuer, eku, san: [`DNS:${name}.example.org`], ...more }));
  };
  const trustDirectory = path.join(directory, 'certificates');
  const policies = [{ ca, text: signingPolicy(ca, [`${BASE}/*`]) }];
  writeTrustDirectory(trustDirectory, { cas: [ca], crls: [createCrl({ issuer: ca })], policies });
  return {
    directory,
    trustDirectory,
    ca,
    caPath: writeIdentity(directory, 'ca', ca).certificatePath,
    broker: host('broker', ca, { san: ['DNS:broker.example.org', ...LOCAL] }),
    sites: [host('site-a', ca), host('site-b', ca)],
    server: host('server', ca),
    untrusted: host('intruder', untrustedCa),
    untrustedCa,
    untrustedCaPath: writeIdentity(directory, 'unknown-ca', untrustedCa).certificatePath,
  };
}
