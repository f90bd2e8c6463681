export type { EmpaErrorCode, EmpaErrorOptions, OpenStep, PartialMessage } from './errors.js';
export { EMPA_ERROR_CODES, EmpaError, OPEN_STEPS } from './errors.js';
export type { Limits } from './limits.js';
export type { JudgeOptions, OpenedMessage, OpenOptions, PassedStep, ReadMessage, ReadOptions } from './open.js';
export { judgeMessage, openMessage, readMessage } from './open.js';
export type { CipherName, SealOptions } from './seal.js';
export { sealMessage } from './seal.js';
export type {
  Identity,
  IdentityPaths,
  IdentityWarning,
  TrustProblem,
  TrustStore,
  TrustStoreOptions,
  VerifyOptions,
  VerifyPolicy,
} from './trust-store.js';
export { knownCertificates, loadIdentity, loadTrustStore, verifyCertificate } from './trust-store.js';
export type { Certificate } from './x509/certificate.js';
export { parseCertificates } from './x509/certificate.js';
export { KnownCertificates } from './x509/known-certificates.js';
export type { NameAttribute } from './x509/name.js';
export { DistinguishedName, DnRule, DnRules } from './x509/name.js';
