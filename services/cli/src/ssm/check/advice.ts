/** What to do, by error code, for those that a check can meet; docs/errors.md says more. */
const ADVICE: Readonly<Record<string, string>> = {
  'identity-unreadable': 'make certificate and key readable for the user of the service, or correct their paths',
  'identity-malformed': 'put the certificate and an unencrypted PEM key there',
  'key-mismatch': 'the certificate was renewed without its key, or the other way round: install both',
  'key-world-readable': 'chmod 0400 the key, and think about a new one: it could be copied',
  'key-unsupported': 'use an RSA key, or EC on P-256 or P-384, without a passphrase',
  'key-too-weak': 'ask the CA for a certificate with an RSA key of 2048 bits or more',
  'certificate-expired': 'renew the certificate',
  'certificate-not-yet-valid': 'set the clock of this host',
  'chain-incomplete': "install the CA's certificates in the trust directory, or correct trust.directory",
  'certificate-revoked': 'the CA has revoked it: ask for a new one',
  'crl-expired': 'run fetch-crl, and see why it did not run',
  'crl-missing': 'run fetch-crl, or set trust.crl to if-present',
  'crl-invalid': 'remove that CRL and run fetch-crl',
  'signing-policy-refused': 'the CA may not issue that name: ask the CA, or see HASH.signing_policy in the trust directory',
  'signing-policy-missing': 'install HASH.signing_policy, or set trust.signingPolicy to if-present',
  'trust-unreadable': 'make the trust directory readable, or correct trust.directory',
  'trust-empty': 'install CA certificates (HASH.0) there, or correct trust.directory',
  'recipient-unreadable': 'correct the path of the certificate of the server',
  'recipient-unsupported': 'messages are encrypted for RSA certificates only: ask for one, or sign only',
  'recipient-is-self': "name the server's certificate, not this host's",
  'recipient-not-valid': 'ask the operators of the server for their present certificate, or install its CA',
  'list-unreadable': 'make the list of DNs, readable for the user of the service',
  'list-malformed': 'correct that line: one DN a line, in slash form or as RFC 4514',
  'list-empty': 'write the DNs that may send, one a line',
  'broker-ca-unreadable': 'correct broker.tls.ca, or leave it empty to use the trust directory',
  'path-missing': 'mount the volume; where there never was one make the directory, owned by the user of the service',
  'permission-denied': 'give the user of the service rwx there: see Modes, owners and users in docs/operations.md',
  'disk-full': 'make room',
  'read-only': 'mount the volume read-write',
  'log-file-failed': 'make the directory of the log file, writable for the user of the service',
  'connect-failed': 'is the broker up, are host and port right, does a firewall let this through?',
  'connect-timeout': 'is the broker up, are host and port right, does a firewall let this through?',
  'tls-failed': "is the broker's CA in the trust directory (or broker.tls.ca), and its name in its certificate (or broker.tls.serverName)?",
  'broker-error': 'read what the broker says, and look at its log',
};

export function adviceFor(code: string): string {
  return ADVICE[code] ?? (code === '' ? 'see the text' : `see ${code} in docs/errors.md`);
}

export const ADVISED_CODES: readonly string[] = Object.keys(ADVICE);
