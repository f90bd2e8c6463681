import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { IssuedCertificate } from './certificate.js';
import type { IssuedCrl } from './crl.js';
import { nameHash } from './subject-hash.js';

export interface TrustContent {
  readonly cas: readonly IssuedCertificate[];
  readonly crls?: readonly IssuedCrl[];
  /** Text of `HASH.signing_policy`; see {@link signingPolicy}. */
  readonly policies?: readonly { readonly ca: IssuedCertificate; readonly text: string }[];
}

/** An EACL file that lets a CA sign those subjects (slash form, `*` and `?` as wild cards). */
export function signingPolicy(ca: IssuedCertificate, subjects: readonly string[]): string {
  const conditions = subjects.map((subject) => `"${subject}"`).join(' ');
  return [`access_id_CA X509 '${ca.dn}'`, 'pos_rights globus CA:sign', `cond_subjects globus '${conditions}'`, ''].join('\n');
}

function writeNumbered(directory: string, stem: string, text: string): string {
  for (let number = 0; ; number += 1) {
    const file = path.join(directory, `${stem}${number}`);
    if (existsSync(file)) continue;
    writeFileSync(file, text, { mode: 0o644 });
    return file;
  }
}

/** Makes the directory where needed and adds `HASH.N`, `HASH.rN`, `HASH.signing_policy`. Returns the paths of what it wrote. */
export function writeTrustDirectory(directory: string, content: TrustContent): string[] {
  mkdirSync(directory, { recursive: true });
  const cas = content.cas.map((ca) => writeNumbered(directory, `${nameHash(ca.subject)}.`, ca.certificatePem));
  const crls = (content.crls ?? []).map((crl) => writeNumbered(directory, `${nameHash(crl.issuer.subject)}.r`, crl.pem));
  const policies = (content.policies ?? []).map(({ ca, text }) => {
    const file = path.join(directory, `${nameHash(ca.subject)}.signing_policy`);
    writeFileSync(file, text, { mode: 0o644 });
    return file;
  });
  return [...cas, ...crls, ...policies];
}
