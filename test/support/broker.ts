import path from 'node:path';
import { type Child, type DemoPki, type Scope, startNode } from '@ssm/test-support';
import { root } from './services.js';

export interface BrokerProcess {
  readonly child: Child;
  readonly port: number;
  /** For broker.urls. */
  readonly url: string;
}

const BROKER_SCRIPT = path.join(root, 'packages/devbroker/dist/src/main.js');

/** The development broker as a process of its own; with a PKI: TLS, and a client certificate is required. */
export async function startBrokerProcess(scope: Scope, pki?: DemoPki, args: readonly string[] = []): Promise<BrokerProcess> {
  const tls =
    pki === undefined
      ? []
      : ['--tls-key', pki.broker.keyPath, '--tls-cert', pki.broker.certificatePath, '--tls-ca', pki.caPath, '--require-client-certificate'];
  const child = await startNode(scope, BROKER_SCRIPT, ['--port', '0', ...tls, ...args]);
  const [, port] = await child.waitForLine(/^devbroker listening on .*:(\d+)$/);
  return { child, port: Number(port), url: `${pki === undefined ? 'stomp' : 'stomp+ssl'}://127.0.0.1:${port}` };
}
