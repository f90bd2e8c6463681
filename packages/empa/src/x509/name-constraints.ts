/** Name constraints (RFC 5280 section 4.2.1.10). */
import type { Certificate } from './certificate.js';
import type { NameConstraints } from './extensions.js';
import type { GeneralName } from './general-name.js';
import { isWithin } from './name-matching.js';

/** Names times constraints: more of them are refused unread. */
const MAX_COMPARISONS = 1 << 18;

const HOST_NAME = /^[\w-]+(?:\.[\w-]+)+$/u;
const URI_HOST = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@\\]*@)?([a-z0-9._-]+)(?::\d*)?(?:[/?#]|$)/iu;
const PRINTABLE = /^[!-~]+$/u;

const withoutFinalDot = (host: string): string => host.toLowerCase().replace(/\.$/u, '');

/** A host name in the domain, which is one of its own with a dot in front. */
function inDomain(host: string, domain: string): boolean {
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain;
}

function dnsMatches(text: string, constraint: string): boolean {
  const [host, domain] = [withoutFinalDot(text), withoutFinalDot(constraint)];
  return domain === '' || inDomain(host, domain) || host.endsWith(`.${domain}`);
}

function emailMatches(text: string, constraint: string): boolean {
  const at = text.lastIndexOf('@');
  const host = text.slice(at + 1).toLowerCase();
  const constraintAt = constraint.lastIndexOf('@');
  if (constraintAt < 0) return inDomain(host, constraint.toLowerCase());
  return text.slice(0, at) === constraint.slice(0, constraintAt) && host === constraint.slice(constraintAt + 1).toLowerCase();
}

function uriMatches(text: string, constraint: string): boolean {
  const host = URI_HOST.exec(text)?.[1];
  return host !== undefined && inDomain(withoutFinalDot(host), constraint.toLowerCase());
}

/** The constraint is an address and a mask of the same length. */
function addressMatches(address: Buffer, constraint: Buffer): boolean {
  const length = constraint.length / 2;
  if (address.length !== length) return false;
  return address.every((octet, index) => ((octet ^ (constraint[index] ?? 0)) & (constraint[index + length] ?? 0)) === 0);
}

function matches(name: GeneralName, constraint: GeneralName): boolean {
  if (name.kind === 'directory') return constraint.kind === 'directory' && isWithin(name.name, constraint.name);
  if (name.kind === 'ip') return constraint.kind === 'ip' && addressMatches(name.octets, constraint.octets);
  if (name.kind === 'other' || name.kind !== constraint.kind) return false;
  if (name.kind === 'dns') return dnsMatches(name.text, constraint.text);
  return name.kind === 'email' ? emailMatches(name.text, constraint.text) : uriMatches(name.text, constraint.text);
}

/** Whether it can be compared at all: a name that cannot be read is in no subtree, and must not escape an excluded one. */
function isReadable(name: GeneralName): boolean {
  if (name.kind === 'other') return false;
  if (name.kind === 'directory' || name.kind === 'ip') return true;
  if (!PRINTABLE.test(name.text)) return false;
  if (name.kind === 'email') return /[^@]@[^@]+$/u.test(name.text);
  return name.kind === 'dns' || URI_HOST.test(name.text);
}

const sameForm = (a: GeneralName, b: GeneralName): boolean =>
  a.kind === b.kind && (a.kind !== 'other' || b.kind !== 'other' || a.tag === b.tag);

function isAllowed(name: GeneralName, { permitted, excluded }: NameConstraints): boolean {
  const required = permitted.filter((constraint) => sameForm(name, constraint));
  const forbidden = excluded.filter((constraint) => sameForm(name, constraint));
  if (required.length === 0 && forbidden.length === 0) return true;
  if (!isReadable(name) || forbidden.some((constraint) => matches(name, constraint))) return false;
  return required.length === 0 || required.some((constraint) => matches(name, constraint));
}

/**
 * Everything that names the subject: its DN, e-mail addresses in it, alternative names; and of an end entity without a DNS name
 * also each CN that looks like one, as it will be taken for one.
 */
function namesOf(certificate: Certificate, endEntity: boolean): GeneralName[] {
  const { subject, extensions } = certificate;
  const values = (type: string): string[] =>
    subject.attributes.filter((attribute) => attribute.type === type && !attribute.opaque).map(({ value }) => value);
  const named = extensions.subjectAltNames.some(({ kind }) => kind === 'dns');
  const hosts = endEntity && !named ? values('CN').filter((value) => HOST_NAME.test(value)) : [];
  return [
    ...(subject.rdns.length === 0 ? [] : [{ kind: 'directory', name: subject } as const]),
    ...values('emailAddress').map((text) => ({ kind: 'email', text }) as const),
    ...hosts.map((text) => ({ kind: 'dns', text }) as const),
    ...extensions.subjectAltNames,
  ];
}

/** Whether every name of the certificate is permitted and none excluded. */
export function satisfies(certificate: Certificate, constraints: NameConstraints, endEntity: boolean): boolean {
  const names = namesOf(certificate, endEntity);
  if (names.length * (constraints.permitted.length + constraints.excluded.length) > MAX_COMPARISONS) return false;
  return names.every((name) => isAllowed(name, constraints));
}
