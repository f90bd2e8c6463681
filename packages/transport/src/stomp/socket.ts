import net from 'node:net';
import tls from 'node:tls';
import { TransportError, type TransportErrorCode } from '../errors.js';
import type { StompBroker, StompTls } from './options.js';
import { brokerName } from './settings.js';

/** After so long without a byte the system asks whether the peer is there: where a broker does no heart-beats, nothing else would. */
const KEEP_ALIVE_MS = 30_000;

/** How far a connection came. */
export type Stage = 'TCP' | 'TLS' | 'STOMP';

function tlsSettings(name: string, source: () => StompTls): StompTls {
  let settings: StompTls;
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

function connectTls(broker: StompBroker, source: () => StompTls): tls.TLSSocket {
  const { ca, certificate, key, serverName } = tlsSettings(brokerName(broker), source);
  const expected = serverName ?? broker.host;
  try {
    return tls.connect({
      host: broker.host,
      port: broker.port,
      ca: [...ca],
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
      // Explicit, because the environment can change Node's defaults.
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      // SNI carries no addresses (RFC 6066 section 3).
      ...(net.isIP(expected) === 0 ? { servername: expected } : {}),
      checkServerIdentity: (_host, peer) => tls.checkServerIdentity(expected, peer),
    });
  } catch (cause) {
    throw new TransportError(
      'tls-failed',
      `${brokerName(broker)}: the client certificate, its key or a CA cannot be used: ${describe(cause)}`,
      {
        cause,
      },
    );
  }
}

/**
 * Begins to connect; `ready` is called when STOMP can be spoken. Small writes are not held back (no Nagle).
 * Errors: tls-failed when the TLS settings are unusable. Everything later comes as the socket's events.
 */
export function openSocket(broker: StompBroker, progress: (stage: Stage) => void): net.Socket {
  const socket = broker.tls ? connectTls(broker, broker.tls) : net.connect({ host: broker.host, port: broker.port });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.once('connect', () => progress(broker.tls ? 'TLS' : 'STOMP'));
  if (broker.tls) socket.once('secureConnect', () => progress('STOMP'));
  return socket;
}

/** When the certificate that the broker showed expires. */
export function certificateExpiry(socket: net.Socket): Date | undefined {
  if (!(socket instanceof tls.TLSSocket)) return undefined;
  const { valid_to: expires } = socket.getPeerCertificate();
  return expires ? new Date(expires) : undefined;
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

function tlsFailure(error: Error | undefined): string | undefined {
  const code = error && 'code' in error ? String(error.code) : '';
  return TLS_FAILURES.find(([pattern]) => pattern.test(code))?.[1];
}

const REFUSED = 'most often it refuses the client certificate, or misses one';
const NO_ANSWER = 'the connection ended before CONNECT was answered: perhaps TLS is spoken on this port';

/**
 * Why there is no connection. In TLS 1.3 a broker that refuses the client certificate says so only after the handshake, and its alert is lost
 * when our first bytes cross its reset: so an end without a word right after the handshake is taken for that.
 */
export function connectError(socket: net.Socket, name: string, stage: Stage, cause: Error | undefined): TransportError {
  const fail = (code: TransportErrorCode, what: string): TransportError =>
    new TransportError(code, `${name}: ${what} (${cause ? describe(cause) : 'the broker closed the connection'})`, { cause });
  const known = tlsFailure(cause);
  if (known) return fail('tls-failed', known);
  if (stage === 'TCP') return fail('connect-failed', 'no connection');
  if (stage === 'TLS') return fail('tls-failed', `the broker ended the TLS handshake: ${REFUSED}, or speaks no TLS on this port`);
  if (socket instanceof tls.TLSSocket)
    return fail('tls-failed', `the broker ended the connection right after the TLS handshake: ${REFUSED}`);
  return fail('connect-failed', NO_ANSWER);
}
