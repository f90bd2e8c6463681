import net from 'node:net';
import tls from 'node:tls';
import { TransportError, type TransportErrorCode } from '../errors.js';
import { connectionOptions, describe, type TransportTls, tlsFailure, tlsSettings, unusableMaterial } from '../tls.js';
import type { StompBroker } from './options.js';
import { brokerName } from './settings.js';

/** After so long without a byte the system asks whether the peer is there: where a broker does no heart-beats, nothing else would. */
const KEEP_ALIVE_MS = 30_000;

/** How far a connection came: what it waits for. */
export type Stage = 'DNS' | 'TCP' | 'TLS' | 'STOMP';

/** An address needs no look-up, and has no event of one. */
export function firstStage({ host }: Pick<StompBroker, 'host'>): Stage {
  return net.isIP(host) === 0 ? 'DNS' : 'TCP';
}

function connectTls(broker: StompBroker, source: () => TransportTls): tls.TLSSocket {
  const name = brokerName(broker);
  const settings = tlsSettings(name, source);
  try {
    return tls.connect({ host: broker.host, port: broker.port, ...connectionOptions(broker.host, settings) });
  } catch (cause) {
    throw unusableMaterial(name, cause);
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
  // Once for each address of the name.
  socket.once('lookup', (error: Error | null) => {
    if (!error) progress('TCP');
  });
  socket.once('connect', () => progress(broker.tls ? 'TLS' : 'STOMP'));
  if (broker.tls) socket.once('secureConnect', () => progress('STOMP'));
  return socket;
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
  if (stage === 'DNS' || stage === 'TCP') return fail('connect-failed', 'no connection');
  if (stage === 'TLS') return fail('tls-failed', `the broker ended the TLS handshake: ${REFUSED}, or speaks no TLS on this port`);
  if (socket instanceof tls.TLSSocket)
    return fail('tls-failed', `the broker ended the connection right after the TLS handshake: ${REFUSED}`);
  return fail('connect-failed', NO_ANSWER);
}
