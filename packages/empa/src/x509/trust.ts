/** What the files of a trust directory say, put together: anchors, helping CA certificates, CRLs and signing policies. */
import { createHash } from 'node:crypto';
import { EmpaError } from '../errors.js';
import { type Certificate, certificateDers, isSelfIssued, parseCertificate } from './certificate.js';
import { type Crl, parseCrls } from './crl.js';
import { keyFault } from './key.js';
import { KnownChains } from './known-chains.js';
import type { DnRule } from './name.js';
import { nameHashes } from './name-hash.js';
import { chainingKey } from './name-matching.js';
import { isSignedBy } from './signature.js';
import { parseSigningPolicy, type SigningPolicy, type SigningPolicyFile } from './signing-policy.js';

/** A file that was left out, or part of it, and why. */
export interface TrustProblem {
  readonly file: string;
  readonly message: string;
}

/** A file of the directory as it was read. */
export interface TrustFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Everything that chains are judged by; immutable. */
export interface TrustMaterial {
  readonly anchors: readonly Certificate[];
  /** All CA certificates of the directory. */
  readonly cas: readonly Certificate[];
  readonly crls: readonly Crl[];
  readonly problems: readonly TrustProblem[];
  isAnchor(certificate: Certificate): boolean;
  /** CA certificates of the directory with that subject, anchors first. */
  casNamed(key: string): readonly Certificate[];
  crlsOf(issuerKey: string): readonly Crl[];
  /** The CRLs of each file, by the SHA-256 of its bytes. */
  readonly crlFiles: ReadonlyMap<string, readonly Crl[]>;
  /** What is wrong with a file that should have, or may have, a CRL of the CA. */
  brokenCrlOf(ca: Certificate): string | undefined;
  /** The signing policy of the CA, or why it cannot be used. */
  policyOf(ca: Certificate): SigningPolicy | EmpaError | undefined;
  /** What earlier messages brought. Saves the search for a chain, with its limit of signatures; whether the chain is good is judged each time. */
  readonly known: KnownChains;
}

export type TrustFileKind = 'certificates' | 'crl' | 'signing-policy';

const KINDS: readonly (readonly [pattern: RegExp, kind: TrustFileKind])[] = [
  [/^[0-9a-f]{8}\.\d+$/iu, 'certificates'],
  [/\.(?:pem|crt)$/iu, 'certificates'],
  [/^[0-9a-f]{8}\.r\d+$/iu, 'crl'],
  [/\.crl$/iu, 'crl'],
  [/\.signing_policy$/iu, 'signing-policy'],
];

/** What is looked for in a file of that name; undefined: it is none of ours. */
export function kindOfTrustFile(name: string): TrustFileKind | undefined {
  if (name.startsWith('.')) return undefined;
  return KINDS.find(([pattern]) => pattern.test(name))?.[1];
}

/** What the files of one CA have in common: `HASH`, or the name of the CA in the distributions of the IGTF. */
const stemOf = (file: string): string => file.replace(/\.[^.]*$/u, '').toLowerCase();

/** Says by itself of which CA a file is. */
const HASH = /^[0-9a-f]{8}$/u;

/** Adds to the list under a key. */
function append<V>(lists: Map<string, V[]>, key: string, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Self-signed: its own key verifies it, so that only its being in the directory can make it trusted. */
function isSelfSigned(certificate: Certificate): boolean {
  return isSelfIssued(certificate) && isSignedBy(certificate, certificate.publicKey);
}

interface FoundCa {
  readonly certificate: Certificate;
  readonly file: string;
  /** Of every file that holds it, and of those that would be named after it. */
  readonly stems: Set<string>;
}

interface FoundCrls {
  readonly file: string;
  readonly digest: string;
  readonly crls: readonly Crl[];
}

interface FoundPolicy {
  readonly file: string;
  readonly content: SigningPolicyFile;
}

/** Takes the files of a directory one by one; {@link TrustBuilder.finish} puts them together. */
export class TrustBuilder {
  readonly #problems: TrustProblem[] = [];
  readonly #cas = new Map<string, FoundCa>();
  readonly #crls = new Map<string, Crl>();
  readonly #crlFiles: FoundCrls[] = [];
  readonly #policies: FoundPolicy[] = [];
  /** What is wrong with files that should have been CRLs, by their stems. */
  readonly #brokenCrls = new Map<string, string>();
  readonly #earlier: TrustMaterial['crlFiles'];

  /** `earlier`: files that have the same bytes as then are not read again. A CRL of megabytes takes long, and much memory for each copy. */
  constructor(earlier: TrustMaterial['crlFiles'] = new Map()) {
    this.#earlier = earlier;
  }

  /** Notes that a file was left out. What should have been a CRL or a policy refuses for the CA that the file is named after. */
  reject(file: string, kind: TrustFileKind, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#problems.push({ file, message });
    if (kind === 'crl') this.#brokenCrls.set(stemOf(file), `${file} cannot be read`);
    if (kind !== 'signing-policy') return;
    const fault = new EmpaError('signing-policy-malformed', `${file} cannot be read: ${message}`, { cause: error });
    this.#policies.push({ file, content: { policies: [], cas: [], fault } });
  }

  /** Never throws: what cannot be read is a problem. Of several signing policies for one CA the first counts. */
  add(file: TrustFile, kind: TrustFileKind): void {
    try {
      if (kind === 'signing-policy') this.#addPolicy(file);
      else if (kind === 'crl') this.#addCrls(file);
      else this.#addCertificates(file);
    } catch (error) {
      this.reject(file.name, kind, error);
    }
  }

  #addCertificates(file: TrustFile): void {
    for (const der of certificateDers(file.bytes)) {
      try {
        this.#addCertificate(file.name, parseCertificate(der));
      } catch (error) {
        // The others of a bundle are none the worse for it.
        this.reject(file.name, 'certificates', error);
      }
    }
  }

  #addCertificate(file: string, certificate: Certificate): void {
    const fault = certificate.isCa ? keyFault(certificate.publicKey)?.message : 'not the certificate of a CA';
    if (fault !== undefined) this.#problems.push({ file, message: `${certificate.toString()}: ${fault}` });
    if (!certificate.isCa) return;
    const key = digestOf(certificate.raw);
    const known = this.#cas.get(key) ?? { certificate, file, stems: new Set(nameHashes(certificate.subjectDer)) };
    known.stems.add(stemOf(file));
    this.#cas.set(key, known);
  }

  #addCrls(file: TrustFile): void {
    const digest = digestOf(file.bytes);
    // The same list lies under the old and the new hash of its issuer, and is kept once.
    const crls = (this.#earlier.get(digest) ?? parseCrls(file.bytes)).map((crl) => {
      const kept = this.#crls.get(crl.digest) ?? crl;
      this.#crls.set(crl.digest, kept);
      return kept;
    });
    if (crls.length === 0) throw new Error('no CRL in it');
    this.#crlFiles.push({ file: file.name, digest, crls });
    for (const { issuer, refusal } of crls)
      if (refusal !== undefined) this.#problems.push({ file: file.name, message: `${issuer.toString()}: ${refusal}` });
  }

  #addPolicy(file: TrustFile): void {
    const content = parseSigningPolicy(file.bytes);
    this.#policies.push({ file: file.name, content });
    if (content.fault !== undefined) this.#problems.push({ file: file.name, message: content.fault.message });
  }

  finish(): TrustMaterial {
    const cas = [...this.#cas.values()];
    for (const problem of misplacedCrls(cas, this.#crlFiles)) {
      this.#problems.push(problem);
      this.#brokenCrls.set(stemOf(problem.file), `${problem.file} has ${problem.message}`);
    }
    const material = new DirectoryTrust(cas, [...this.#crls.values()], this.#policies, this.#brokenCrls);
    for (const { digest, crls } of this.#crlFiles) material.crlFiles.set(digest, crls);
    material.problems.push(...this.#problems, ...strandedCas(cas, material), ...idlePolicies(cas, this.#policies));
    return material;
  }
}

/** Files with the name of a CA that have CRLs, but none of it, nor of another CA with the same hash: they stand where its own should be. */
function misplacedCrls(cas: readonly FoundCa[], files: readonly FoundCrls[]): TrustProblem[] {
  const subjects = new Map<string, string[]>();
  for (const { certificate, stems } of cas) for (const stem of stems) append(subjects, stem, chainingKey(certificate.subject));
  const isMisplaced = ({ file, crls }: FoundCrls): boolean => {
    const stem = stemOf(file);
    const beside = subjects.get(stem);
    return (
      beside !== undefined && !crls.some((crl) => beside.includes(chainingKey(crl.issuer)) || nameHashes(crl.issuerDer).includes(stem))
    );
  };
  return files.filter(isMisplaced).map(({ file }) => ({ file, message: 'no CRL of the CA that it is named after' }));
}

/** CA certificates that help nobody: neither anchors nor with an issuer in the directory. */
function strandedCas(cas: readonly FoundCa[], material: TrustMaterial): TrustProblem[] {
  return cas
    .filter(({ certificate }) => !material.isAnchor(certificate) && material.casNamed(chainingKey(certificate.issuer)).length === 0)
    .map(({ certificate, file }) => ({
      file,
      message: `${certificate.toString()} is not self-signed and its issuer ${certificate.issuer.toString()} is not in the directory`,
    }));
}

/** Policies without a fault that are about no CA of the directory. */
function idlePolicies(cas: readonly FoundCa[], policies: readonly FoundPolicy[]): TrustProblem[] {
  const about = (rule: DnRule): boolean => cas.some(({ certificate }) => rule.matches(certificate.subject));
  return policies
    .filter(({ content }) => content.fault === undefined && !content.policies.some(({ ca }) => about(ca)))
    .map(({ file }) => ({ file, message: 'no signing policy for a CA of the directory in it' }));
}

class DirectoryTrust implements TrustMaterial {
  readonly anchors: readonly Certificate[];
  readonly cas: readonly Certificate[];
  readonly crls: readonly Crl[];
  readonly problems: TrustProblem[] = [];
  readonly crlFiles = new Map<string, readonly Crl[]>();
  readonly known = new KnownChains();
  readonly #anchors = new Set<string>();
  /** By the CA's name: another edition of its certificate, which may come with a message, is the same CA. */
  readonly #stems = new Map<string, string[]>();
  readonly #casBySubject = new Map<string, Certificate[]>();
  readonly #crlsByIssuer = new Map<string, Crl[]>();
  readonly #policies: readonly SigningPolicy[];
  readonly #policyFiles: readonly FoundPolicy[];
  readonly #brokenPolicies: readonly FoundPolicy[];
  readonly #brokenCrls: ReadonlyMap<string, string>;
  /** What is wrong with a file whose name does not say of which CA it is. */
  readonly #strayCrl: string | undefined;

  constructor(cas: readonly FoundCa[], crls: readonly Crl[], policies: readonly FoundPolicy[], brokenCrls: ReadonlyMap<string, string>) {
    this.cas = cas.map(({ certificate }) => certificate);
    this.anchors = this.cas.filter(isSelfSigned);
    this.crls = crls;
    this.#policies = policies.flatMap(({ content }) => content.policies);
    this.#policyFiles = policies;
    this.#brokenPolicies = policies.filter(({ content }) => content.fault !== undefined);
    this.#brokenCrls = brokenCrls;
    for (const { certificate, stems } of cas) for (const stem of stems) append(this.#stems, chainingKey(certificate.subject), stem);
    const stray = [...brokenCrls].find(([stem]) => !HASH.test(stem) && !cas.some(({ stems }) => stems.has(stem)));
    this.#strayCrl = stray?.[1];
    for (const anchor of this.anchors) {
      this.#anchors.add(digestOf(anchor.raw));
      append(this.#casBySubject, chainingKey(anchor.subject), anchor);
    }
    for (const { certificate } of cas) {
      if (!this.isAnchor(certificate)) append(this.#casBySubject, chainingKey(certificate.subject), certificate);
    }
    for (const crl of crls) append(this.#crlsByIssuer, chainingKey(crl.issuer), crl);
  }

  isAnchor(certificate: Certificate): boolean {
    return this.#anchors.has(digestOf(certificate.raw));
  }

  casNamed(key: string): readonly Certificate[] {
    return this.#casBySubject.get(key) ?? [];
  }

  crlsOf(issuerKey: string): readonly Crl[] {
    return this.#crlsByIssuer.get(issuerKey) ?? [];
  }

  brokenCrlOf(ca: Certificate): string | undefined {
    if (this.#brokenCrls.size === 0) return undefined;
    const stem = this.#stemsOf(ca).find((one) => this.#brokenCrls.has(one));
    return stem === undefined ? this.#strayCrl : this.#brokenCrls.get(stem);
  }

  policyOf(ca: Certificate): SigningPolicy | EmpaError | undefined {
    const policy = this.#policies.find((one) => one.ca.matches(ca.subject));
    if (policy !== undefined) return policy;
    const stems = this.#stemsOf(ca);
    const broken = this.#brokenPolicies.find(({ content }) => content.cas.some((rule) => rule.matches(ca.subject)));
    const beside = broken ?? this.#policyFiles.find(({ file }) => stems.includes(stemOf(file)));
    if (beside === undefined) return undefined;
    // A policy that lies beside the CA is meant for it: one that does not name it is a mistake, not the lack of a policy.
    return beside.content.fault ?? new EmpaError('signing-policy-malformed', `${beside.file} has no entry for ${ca.subject.toString()}`);
  }

  #stemsOf(ca: Certificate): readonly string[] {
    return this.#stems.get(chainingKey(ca.subject)) ?? nameHashes(ca.subjectDer);
  }
}
