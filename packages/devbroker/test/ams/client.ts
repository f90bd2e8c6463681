import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import path from 'node:path';
import { createDemoPki, type DemoIdentity, type DemoPki, type Scope, temporaryDirectory } from '@ssm/test-support';
import { type AmsServer, type AmsServerOptions, startAmsServer } from '../../src/index.js';

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: () => Record<string, unknown>;
}

/** A server with one project, topic and user, and a client that knows nothing of the transport. */
export class AmsBench {
  readonly server: AmsServer;
  readonly pki: DemoPki;
  /** A connection each: one that is kept may be gone when the next request comes. */
  readonly #agent = new Agent({ keepAlive: false });

  private constructor(server: AmsServer, pki: DemoPki) {
    this.server = server;
    this.pki = pki;
  }

  static async start(scope: Scope, options: Partial<AmsServerOptions> = {}): Promise<AmsBench> {
    const pki = createDemoPki(path.join(temporaryDirectory(scope), 'pki'), { key: 'p256' });
    const { broker, ca, sites } = pki;
    const server = await startAmsServer({
      tls: { key: broker.issued.keyPem, cert: broker.issued.certificatePem, ca: ca.certificatePem },
      project: 'p',
      topics: ['t'],
      users: [{ name: 'site', token: 'secret', dn: sites[0].dn }],
      ...options,
    });
    scope.after(() => server.close());
    return new AmsBench(server, pki);
  }

  async request(options: RequestOptions, body?: string): Promise<Answer> {
    const { server, pki } = this;
    const sent = request({ host: server.host, port: server.port, ca: pki.ca.certificatePem, agent: this.#agent, ...options });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    return { status: response.statusCode ?? 0, text, json: () => JSON.parse(text) as Record<string, unknown> };
  }

  /** A call below the project, with the token. */
  call(method: string, rest: string, body?: unknown, token = 'secret'): Promise<Answer> {
    const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    return this.request({ method, path: `/v1/projects/p/${rest}`, headers: { 'x-api-key': token } }, text);
  }

  publish(...messages: readonly object[]): Promise<Answer> {
    return this.call('POST', 'topics/t:publish', { messages });
  }

  async pull(maxMessages = '10'): Promise<Received[]> {
    const answer = await this.call('POST', 'subscriptions/t:pull', { maxMessages, returnImmediately: 'true' });
    return answer.json()['receivedMessages'] as Received[];
  }

  acknowledge(...offsets: readonly number[]): Promise<Answer> {
    return this.call('POST', 'subscriptions/t:acknowledge', {
      ackIds: offsets.map((offset) => `projects/p/subscriptions/t:${offset}`),
    });
  }

  authenticate(identity: DemoIdentity): Promise<Answer> {
    const { certificatePem: cert, keyPem: key } = identity.issued;
    return this.request({ path: '/v1/service-types/ams/hosts/localhost:authx509', port: this.server.authPort, cert, key });
  }
}

export interface Received {
  readonly ackId: string;
  readonly message: { readonly messageId: string; readonly data: string; readonly attributes: Record<string, string> };
}
