import path from 'node:path';
import { type Child, type DemoPki, type Scope, startNode } from '@ssm/test-support';
import { type ConfigFile, root } from './services.js';

export interface AmsProcess {
  readonly child: Child;
  readonly port: number;
  readonly authPort: number;
  /** Settings of a service that uses it; by its certificate. */
  readonly config: ConfigFile;
}

const SCRIPT = path.join(root, 'packages/devbroker/dist/src/ams/main.js');
export const AMS_TOPIC = 'records';
/** A token of somebody who may use everything. */
export const AMS_TOKEN = 'token-of-the-tests';

/** The development AMS server as a process of its own, with one topic and a subscription of the same name. */
export async function startAmsProcess(scope: Scope, pki: DemoPki, args: readonly string[] = []): Promise<AmsProcess> {
  const identities = { site: pki.sites[0].dn, server: pki.server.dn };
  const users = Object.entries(identities).flatMap(([name, dn]) => ['--user', `${name}=secret-of-${name}`, '--dn', `${name}=${dn}`]);
  const tls = ['--tls-key', pki.broker.keyPath, '--tls-cert', pki.broker.certificatePath, '--tls-ca', pki.caPath];
  const child = await startNode(scope, SCRIPT, [...tls, '--topic', AMS_TOPIC, '--user', `tests=${AMS_TOKEN}`, ...users, ...args]);
  const [, port, authPort] = await child.waitForLine(/^ams listening on .*:(\d+), authentication on (\d+)$/);
  const ams = { host: '127.0.0.1', port: Number(port), authPort: Number(authPort), project: 'accounting' };
  const names = { topic: AMS_TOPIC, subscription: AMS_TOPIC };
  return { child, port: ams.port, authPort: ams.authPort, config: { transport: 'ams', ams: { ...ams, ...names } } };
}

/** The part of the settings that one service has. */
export function amsConfig({ config }: AmsProcess, service: 'sender' | 'receiver', more: ConfigFile = {}): ConfigFile {
  const { topic, subscription, ...ams } = config['ams'] as Record<string, unknown>;
  const own = service === 'sender' ? { topic } : { subscription, pollInterval: '200ms' };
  return { transport: 'ams', ams: { ...ams, ...own, ...more } };
}
