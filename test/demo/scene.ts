import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createDemoPki, type DemoPki, type Scope } from '@ssm/test-support';
import { type BrokerProcess, startBrokerProcess } from '../support/broker.js';
import { type ConfigFile, type Service, startService } from '../support/services.js';

export const DESTINATION = '/queue/accounting';

export interface Scene {
  readonly directory: string;
  readonly pki: DemoPki;
  readonly broker: BrokerProcess;
  readonly sender: Service;
  readonly receiver: Service;
  readonly outgoing: string;
  readonly incoming: string;
  readonly reject: string;
}

type Say = (line: string) => void;

function sharedConfig(pki: DemoPki, broker: BrokerProcess, who: { certificatePath: string; keyPath: string }): ConfigFile {
  return {
    broker: { urls: [broker.url], destination: DESTINATION },
    identity: { certificate: who.certificatePath, key: who.keyPath },
    trust: { directory: pki.trustDirectory, stability: 0 },
    log: { format: 'json' },
  };
}

/** Sets the stage: PKI, broker, receiver and sender, each a process of its own, below one directory. */
export async function setScene(scope: Scope, directory: string, say: Say): Promise<Scene> {
  rmSync(directory, { recursive: true, force: true });
  const [outgoing, incoming, reject] = ['outgoing', 'incoming', 'reject'].map((name) => path.join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [outgoing, incoming, reject]) mkdirSync(folder, { recursive: true });

  say('making a throw-away PKI: a CA, certificates for the broker, the server and two sites, a CRL, a signing policy');
  const pki = createDemoPki(path.join(directory, 'pki'));
  const allow = path.join(directory, 'dns');
  writeFileSync(allow, `# DNs that may send\n${pki.sites[0].dn}\n`);

  say('starting the development broker with mutual TLS');
  const broker = await startBrokerProcess(scope, pki);

  say('starting a receiver and a sender, each a process of its own');
  const receiver = await startService(
    scope,
    'receiver',
    {
      ...sharedConfig(pki, broker, pki.server),
      incoming: { path: incoming },
      reject: { path: reject },
      authorisation: { allow },
    },
    { directory },
  );
  const sender = await startService(
    scope,
    'sender',
    {
      ...sharedConfig(pki, broker, pki.sites[0]),
      outgoing: { path: outgoing, layout: 'directory', scanInterval: '1s' },
      encryption: { recipients: [pki.server.certificatePath] },
    },
    { directory },
  );
  await Promise.all([receiver.ready(), sender.ready()]);
  return { directory, pki, broker, sender, receiver, outgoing, incoming, reject };
}
