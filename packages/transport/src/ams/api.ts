import { TransportError } from '../errors.js';
import { printable } from '../printable.js';
import { answerError } from './answer-error.js';
import { type HttpAnswer, HttpClient, type HttpRequest } from './http.js';
import { type AmsSettings, serverName } from './settings.js';
import { createTokens, type Tokens } from './tokens.js';
import { type Offsets, type Pulled, parseObject, parseOffsets, parsePulled } from './wire.js';

const KiB = 1024;
const SMALL_ANSWER = 64 * KiB;
/** Even a server with far larger limits than any known is read when a single message is asked for. */
const LEAST_PULL_ANSWER = 16 * KiB * KiB;

/** What is known of the server from its last answer. */
export interface Greeting {
  readonly server: string;
  readonly certificateExpires: Date | undefined;
}

/** Values of a message in a pull: seven are its own, the rest are attributes. */
const MESSAGE_VALUES = 1000;
/** Bytes of the shortest attribute, so that a single message may be full of them. */
const ATTRIBUTE_BYTES = 4;

type Call = Pick<HttpRequest, 'call' | 'method' | 'path' | 'maximumAnswerBytes'> & { readonly body?: string };

/**
 * The calls of AMS. Each rejects with what HttpClient.send can, and with AnswerError (which has the status): unauthorised (401, 403 with a
 * token that was just renewed, if it can be), resource-missing (404, 409), broker-error (any other error), protocol-error.
 */
export class AmsApi {
  readonly name: string;
  readonly #http: HttpClient;
  readonly #tokens: Tokens;
  readonly #base: string;
  readonly #serverLimit: number;
  #greeting: Greeting = { server: '', certificateExpires: undefined };

  constructor(settings: AmsSettings) {
    this.name = serverName(settings);
    // The certificate is for the exchange alone.
    const tls = (): ReturnType<AmsSettings['tls']> => {
      const { ca, serverName: expected } = settings.tls();
      return { ca, ...(expected === undefined ? {} : { serverName: expected }) };
    };
    this.#http = new HttpClient({ ...settings, tls });
    this.#tokens = createTokens(settings);
    this.#base = `/v1/projects/${settings.project}`;
    this.#serverLimit = settings.serverLimitBytes;
  }

  get greeting(): Greeting {
    return this.#greeting;
  }

  /** Messages as encodeMessage() made them; none: only whether they would be taken. */
  async publish(topic: string, messages: readonly string[], signal: AbortSignal): Promise<void> {
    const path = `${this.#base}/topics/${topic}:publish`;
    const body = `{"messages":[${messages.join(',')}]}`;
    const answer = await this.#call({ call: 'publish', method: 'POST', path, body, maximumAnswerBytes: SMALL_ANSWER }, signal);
    const { messageIds } = parseObject(`${this.name}: publish`, answer.body);
    if (!Array.isArray(messageIds) || messageIds.length !== messages.length)
      throw new TransportError('protocol-error', `${this.name}: publish: the answer does not name every message`);
  }

  async pull(subscription: string, count: number, signal: AbortSignal): Promise<Pulled[]> {
    // Both values must be texts.
    const body = JSON.stringify({ maxMessages: String(count), returnImmediately: 'true' });
    const maximumAnswerBytes = Math.max(LEAST_PULL_ANSWER, count * 2 * this.#serverLimit);
    const call: Call = { call: 'pull', method: 'POST', path: this.#path(subscription, ':pull'), body, maximumAnswerBytes };
    const { body: answer } = await this.#call(call, signal);
    const name = `${this.name}: pull`;
    const maximumValues = count * MESSAGE_VALUES + Math.floor(this.#serverLimit / ATTRIBUTE_BYTES);
    return parsePulled(name, parseObject(name, answer, maximumValues), this.#ackPrefix(subscription));
  }

  /** This one and all before it. */
  async acknowledge(subscription: string, offset: number, signal: AbortSignal): Promise<void> {
    const body = JSON.stringify({ ackIds: [`${this.#ackPrefix(subscription)}${offset}`] });
    await this.#small('acknowledge', subscription, signal, body);
  }

  async modifyAckDeadline(subscription: string, seconds: number, signal: AbortSignal): Promise<void> {
    await this.#small('modifyAckDeadline', subscription, signal, JSON.stringify({ ackDeadlineSeconds: seconds }));
  }

  async offsets(subscription: string, signal: AbortSignal): Promise<Offsets> {
    const { body } = await this.#small('offsets', subscription, signal);
    const name = `${this.name}: offsets`;
    return parseOffsets(name, parseObject(name, body));
  }

  close(): void {
    this.#http.close();
    this.#tokens.close();
  }

  #path(subscription: string, verb: string): string {
    return `${this.#base}/subscriptions/${subscription}${verb}`;
  }

  #ackPrefix(subscription: string): string {
    return this.#path(subscription, ':').replace(/^\/v1\//, '');
  }

  #small(call: string, subscription: string, signal: AbortSignal, body?: string): Promise<HttpAnswer> {
    const path = this.#path(subscription, `:${call}`);
    const method = body === undefined ? 'GET' : 'POST';
    return this.#call({ call, method, path, maximumAnswerBytes: SMALL_ANSWER, ...(body === undefined ? {} : { body }) }, signal);
  }

  async #call(call: Call, signal: AbortSignal): Promise<HttpAnswer> {
    const token = await this.#tokens.get(signal);
    const answer = await this.#send(call, token, signal);
    if (!isRefusedToken(answer) || !this.#tokens.drop(token)) return this.#checked(call, answer, token);
    const renewed = await this.#tokens.get(signal);
    return this.#checked(call, await this.#send(call, renewed, signal), renewed);
  }

  async #send({ body = '', ...call }: Call, token: string, signal: AbortSignal): Promise<HttpAnswer> {
    const headers = { 'x-api-key': token, 'content-type': 'application/json' };
    const answer = await this.#http.send({ ...call, headers, body: Buffer.from(body) }, signal);
    // A connection that resumes a TLS session shows none: it is the one of before.
    const { certificateExpires = this.#greeting.certificateExpires, server } = answer;
    this.#greeting = { server: printable(server, [token]), certificateExpires };
    return answer;
  }

  #checked({ call }: Call, answer: HttpAnswer, token: string): HttpAnswer {
    if (answer.status === 200) return answer;
    throw answerError(`${this.name}: ${call}`, answer, { token });
  }
}

function isRefusedToken({ status }: HttpAnswer): boolean {
  return status === 401 || status === 403;
}
