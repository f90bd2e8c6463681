import { TransportError } from '../errors.js';
import { answerError } from './answer-error.js';
import { HttpClient } from './http.js';
import { type AmsSettings, DEFAULT_AUTH_PORT } from './settings.js';
import { parseObject } from './wire.js';

/** Where tokens come from. */
export interface Tokens {
  /** Errors: those of HttpClient.send, unauthorised, resource-missing, broker-error, protocol-error. */
  get(signal: AbortSignal): Promise<string>;
  /** This one is no longer good. false: there will be no other. */
  drop(token: string): boolean;
  close(): void;
}

class FixedToken implements Tokens {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  get(): Promise<string> {
    return Promise.resolve(this.#token);
  }

  drop(): boolean {
    return false;
  }

  close(): void {
    // Nothing is held.
  }
}

const MAXIMUM_ANSWER_BYTES = 64 * 1024;
const TOKEN = /^[\x21-\x7e]{1,4096}$/;
const NOTHING = Buffer.alloc(0);

/** Exchanges the certificate for a token, over mutual TLS, and keeps it while it is good. */
class ExchangedToken implements Tokens {
  readonly #host: string;
  readonly #http: HttpClient;
  #token: string | undefined;

  constructor(settings: AmsSettings, port: number) {
    this.#host = settings.host;
    this.#http = new HttpClient({ ...settings, port });
  }

  async get(signal: AbortSignal): Promise<string> {
    this.#token ??= await this.#exchange(signal);
    return this.#token;
  }

  drop(token: string): boolean {
    if (this.#token === token) this.#token = undefined;
    return true;
  }

  close(): void {
    this.#http.close();
  }

  async #exchange(signal: AbortSignal): Promise<string> {
    const call = 'authx509';
    const path = `/v1/service-types/ams/hosts/${encodeURIComponent(this.#host)}:authx509`;
    const answer = await this.#http.send(
      { call, method: 'GET', path, headers: {}, body: NOTHING, maximumAnswerBytes: MAXIMUM_ANSWER_BYTES },
      signal,
    );
    const name = `${this.#http.name}: ${call}`;
    // A certificate that is bound to nobody gives 404: that is no missing topic.
    if (answer.status !== 200) throw answerError(name, answer, { refusal: 'unauthorised', confidential: true });
    const { token } = parseObject(name, answer.body);
    if (typeof token !== 'string' || !TOKEN.test(token)) throw new TransportError('protocol-error', `${name}: the answer has no token`);
    return token;
  }
}

export function createTokens(settings: AmsSettings): Tokens {
  const { authentication } = settings;
  if (authentication.type === 'token') return new FixedToken(authentication.token);
  return new ExchangedToken(settings, authentication.port ?? DEFAULT_AUTH_PORT);
}
