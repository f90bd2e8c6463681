import net from 'node:net';
import tls from 'node:tls';
import { TransportError } from './errors.js';

/** What TLS is spoken with. */
export interface TransportTls {
  /** PEM bundle of the CAs that may have signed the broker's certificate. Only these are trusted. */
  readonly ca: readonly string[];
  /** PEM; client certificate login. */
  readonly certificate?: string;
  readonly key?: string;
  /** Name to expect in the broker's certificate; default: the host. */
  readonly serverName?: string;
}

/** Asks for the settings. Errors: tls-failed. */
export function tlsSettings(name: string, source: () => TransportTls): TransportTls {
  let settings: TransportTls;
  try {
    settings = source();
  } catch (cause) {
    throw new TransportError('tls-failed', `${name}: the TLS settings cannot be had: ${describe(cause)}`, { cause });
  }
  // An empty list would be the system's store in some versions of Node.
  if (settings.ca.length === 0)
    throw new TransportError('tls-failed', `${name}: no CA is given that may have signed the broker's certificate`);
  return settings;
}

interface Context {
  readonly settings: TransportTls;
  readonly made: tls.SecureContext;
}

/** Those that were used last, the newest first: one with a certificate and one without. */
let contexts: readonly Context[] = [];
const MAXIMUM_CONTEXTS = 2;

/**
 * The same for the same material, however often it is connected. One for each attempt would be half a megabyte with the hundred CAs of a trust
 * directory, outside of the heap, where the garbage collector does not see it grow while a broker is away.
 */
function contextOf(settings: TransportTls, material: tls.SecureContextOptions): tls.SecureContext {
  const used = contexts.find((one) => isSameMaterial(one.settings, settings)) ?? { settings, made: tls.createSecureContext(material) };
  contexts = [used, ...contexts.filter((one) => one !== used)].slice(0, MAXIMUM_CONTEXTS);
  return used.made;
}

function isSameMaterial(a: TransportTls, b: TransportTls): boolean {
  return a.certificate === b.certificate && a.key === b.key && a.ca.length === b.ca.length && a.ca.every((one, at) => one === b.ca[at]);
}

/** The options of a connection to a host. Throws what Node.js does when the certificate, its key or a CA cannot be used. */
export function connectionOptions(host: string, settings: TransportTls): tls.ConnectionOptions {
  const { ca, certificate, key, serverName } = settings;
  const expected = serverName ?? host;
  const material: tls.SecureContextOptions = {
    ca: [...ca],
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    // Explicit, because the environment can change Node's defaults.
    minVersion: 'TLSv1.2',
  };
  return {
    // Beside the context, since an HTTPS agent tells connections apart by it.
    ...material,
    secureContext: contextOf(settings, material),
    rejectUnauthorized: true,
    // SNI carries no addresses (RFC 6066 section 3).
    ...(net.isIP(expected) === 0 ? { servername: expected } : {}),
    checkServerIdentity: (_host, peer) => tls.checkServerIdentity(expected, peer),
  };
}

export function unusableMaterial(name: string, cause: unknown): TransportError {
  return new TransportError('tls-failed', `${name}: the client certificate, its key or a CA cannot be used: ${describe(cause)}`, { cause });
}

/** One line about an error, also where Node gives an empty message: a name with several addresses, none of which answered. */
export function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  if (!(error instanceof Error)) return String(error);
  // OpenSSL's own words, without the place in its sources.
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
}

/** What OpenSSL and Node call it, and what an operator can do something about. The first that matches the code counts. */
const TLS_FAILURES: readonly (readonly [RegExp, string])[] = [
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'the broker certificate is for another name'],
  [/^CERT_HAS_EXPIRED$/, 'the broker certificate, or the CA that signed it, has expired'],
  [/^CERT_NOT_YET_VALID$/, 'the broker certificate is not yet valid'],
  [
    /^(DEPTH_ZERO_)?SELF_SIGNED_CERT|^UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|^CERT_UNTRUSTED$/,
    'the broker certificate is not signed by a CA of the list',
  ],
  [/^(CERT|CRL|INVALID|PATH|HOSTNAME|EMAIL|IP)_/, 'the broker certificate is refused'],
  [/^ERR_SSL_.*ALERT_CERTIFICATE_EXPIRED$/, 'the broker refuses the client certificate: expired'],
  [/^ERR_SSL_.*ALERT_CERTIFICATE_REVOKED$/, 'the broker refuses the client certificate: revoked'],
  [/^ERR_SSL_.*ALERT_UNKNOWN_CA$/, 'the broker refuses the client certificate: it does not know the CA'],
  [/^ERR_SSL_.*ALERT_CERTIFICATE_REQUIRED$/, 'the broker wants a client certificate, and was given none'],
  [/^ERR_SSL_.*ALERT_HANDSHAKE_FAILURE$/, 'the broker wants a client certificate, or other ciphers'],
  [
    /^ERR_SSL_.*ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_UNKNOWN|ACCESS_DENIED|DECRYPT_ERROR)/,
    'the broker refuses the client certificate',
  ],
  [/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/, 'no TLS is spoken on this port'],
  [/^ERR_SSL_.*(PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL)$/, 'the broker speaks no TLS of version 1.2 or later'],
  [/^ERR_(SSL|OSSL)_|^EPROTO$/, 'TLS failed'],
];

/** What is wrong with the TLS of a connection, as far as the error says so. */
export function tlsFailure(error: Error | undefined): string | undefined {
  const code = error && 'code' in error ? String(error.code) : '';
  return TLS_FAILURES.find(([pattern]) => pattern.test(code))?.[1];
}

/**
 * When the certificate that the broker showed expires; not known of a connection that has ended. Not by getPeerX509Certificate(): at a client that
 * takes the certificate out of the chain, so that the next call gives another one or none, and never frees it.
 */
export function certificateExpiry(socket: net.Socket): Date | undefined {
  if (!(socket instanceof tls.TLSSocket)) return undefined;
  const shown: Partial<tls.PeerCertificate> | null = socket.getPeerCertificate();
  return shown?.valid_to === undefined ? undefined : new Date(shown.valid_to);
}
