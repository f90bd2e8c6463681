/** What to do where a broker does not let us in: which part of which source it did not like. */
import type { Identity } from '@ssm/empa';
import { amsLogin } from '@ssm/service-kit';
import type { Loaded } from '../config.js';

export interface Attempt {
  readonly loaded: Loaded;
  readonly identity: Identity;
  /** Empty with AMS. */
  readonly url: string;
}

/** undefined: nothing better than what is said of the code. */
export function brokerAdvice(error: Error, attempt: Attempt): string | undefined {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'broker-error' && attempt.url !== '') return loginAdvice(error.message, attempt);
  if (code === 'unauthorised') return amsAdvice(attempt);
  if (/client certificate/.test(error.message)) return certificateAdvice(error.message, attempt);
  return otherPortAdvice(error.message, attempt);
}

function loginAdvice(text: string, attempt: Attempt): string {
  const { login, tls } = attempt.loaded.config.broker;
  if (/virtual.?host|vhost/i.test(text))
    return `correct ${named('broker.virtualHost', attempt)}, or ask the broker's operator for its name`;
  if (login !== '')
    return `the broker refuses the login: correct ${named('broker.login', attempt)} and ${named('broker.passcode', attempt)}, or have that user registered there`;
  return isTls(attempt) && tls.clientCertificate
    ? `the broker refuses the login: have ${offered(attempt)} registered there, or set broker.login and broker.passcode where it wants these`
    : 'the broker refuses to go without a login: set broker.login and broker.passcode, or use its port with TLS (stomp+ssl://), where the certificate is shown';
}

function amsAdvice(attempt: Attempt): string {
  return amsLogin(attempt.loaded.config.ams).type === 'token'
    ? `correct ${named('ams.token', attempt)}, or ask the operator of the messaging service what it may do`
    : `have ${offered(attempt)} registered at the messaging service, or set ams.token`;
}

function certificateAdvice(text: string, attempt: Attempt): string {
  if (!attempt.loaded.config.broker.tls.clientCertificate)
    return `set ${named('broker.tls.clientCertificate', attempt)} to true: none is offered`;
  const plain = /no TLS on this port/.test(text) ? `; or ${portAdvice(attempt)}` : '';
  return `offered was ${offered(attempt)}: ask the broker's operator whether this CA, and this name, are let in, and look at its log${plain}`;
}

/** TLS that is spoken to a port without it, or the other way round, often ends in silence. */
function otherPortAdvice(text: string, attempt: Attempt): string | undefined {
  if (attempt.url === '') return undefined;
  const pattern = isTls(attempt) ? /no TLS is spoken|no TLS on this port|\(TLS\)/ : /TLS is spoken|not STOMP|\(STOMP\)/;
  return pattern.test(text) ? portAdvice(attempt) : undefined;
}

function portAdvice(attempt: Attempt): string {
  const { loaded, url } = attempt;
  if (!isTls(attempt))
    return `is TLS spoken on this port? then say so: ${loaded.isClassic ? 'use_ssl: true in [broker]' : `${url.replace('stomp:', 'stomp+ssl:')} in broker.urls`}`;
  const plain = loaded.isClassic ? 'use_ssl: false in [broker]' : `${url.replace('stomp+ssl:', 'stomp:')} in broker.urls`;
  return `is TLS spoken on this port? if not, name the broker's port with TLS, or do without where nobody can listen in: ${plain}`;
}

function isTls({ url }: Attempt): boolean {
  return url.startsWith('stomp+ssl:');
}

/** A key with where its value stands; never the value. */
function named(key: string, { loaded }: Attempt): string {
  const source = loaded.sourceOf(key);
  return source === undefined ? `${key} (not set)` : `${key} (${source.replace(`: ${key}`, '')})`;
}

function offered({ identity: { certificate }, loaded }: Attempt): string {
  return `${certificate.subject.toString()} (${loaded.config.identity.certificate}, issued by ${certificate.issuer.toString()})`;
}
