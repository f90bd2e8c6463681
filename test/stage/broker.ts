import { readFileSync } from 'node:fs';
import { type DevBroker, startDevBroker } from '@ssm/devbroker';
import type { BrokerKind, DemoPki, RealBroker, Scope } from '@ssm/test-support';

/** A broker of any kind; the development broker keeps everything in memory, so whatever it holds is gone when it stops. */
export type StageBroker = Pick<
  RealBroker,
  'title' | 'host' | 'tlsPort' | 'url' | 'headers' | 'pid' | 'log' | 'depth' | 'stuck' | 'about' | 'stop' | 'kill' | 'start'
> & {
  readonly kind: BrokerKind | 'devbroker';
};

class DevelopmentBroker implements StageBroker {
  readonly kind = 'devbroker';
  readonly title = 'the development broker';
  readonly host = '127.0.0.1';
  readonly headers = [];
  readonly pid = 0;
  readonly stuck = undefined;
  readonly #pki: DemoPki;
  #broker: DevBroker | undefined;
  tlsPort = 0;

  constructor(pki: DemoPki) {
    this.#pki = pki;
  }

  get url(): string {
    return `stomp+ssl://${this.host}:${this.tlsPort}`;
  }

  log(): string {
    return '';
  }

  depth(queue: string): Promise<number> {
    return Promise.resolve(this.#broker?.queueDepth(`/queue/${queue}`) ?? 0);
  }

  async about(queue: string): Promise<string> {
    return `${await this.depth(queue)} messages`;
  }

  async start(): Promise<void> {
    const { broker, caPath } = this.#pki;
    const tls = {
      key: readFileSync(broker.keyPath),
      cert: readFileSync(broker.certificatePath),
      ca: readFileSync(caPath),
      requireClientCertificate: true,
    };
    this.#broker = await startDevBroker({ port: this.tlsPort, tls, heartbeat: [500, 500] });
    this.tlsPort = this.#broker.port;
  }

  async stop(): Promise<void> {
    await this.#broker?.close();
  }

  async kill(): Promise<void> {
    this.#broker?.cutAll();
    await this.#broker?.close();
  }
}

/** In this process, over TLS with client certificates. */
export async function startDevelopmentBroker(scope: Scope, pki: DemoPki): Promise<StageBroker> {
  const broker = new DevelopmentBroker(pki);
  await broker.start();
  scope.after(() => broker.stop());
  return broker;
}
