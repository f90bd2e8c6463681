import { readFileSync } from 'node:fs';
import { type Identity, loadIdentity, sealMessage } from '@ssm/empa';
import type { DemoIdentity, DemoPki } from '@ssm/test-support';
import { createStompPublisher, type OutgoingMessage } from '@ssm/transport';
import { DESTINATION, type Scene } from './scene.js';

/** A message that must not be let in, and the code with which it must be refused. */
export interface BadMessage extends OutgoingMessage {
  readonly what: string;
  readonly code: string;
}

const RECORD = Buffer.from('APEL-summary-message: v0.4\nSite: EXAMPLE-SITE\nNumberOfJobs: 10\n%%\n');

const identityOf = (who: DemoIdentity): Promise<Identity> =>
  loadIdentity({ certificate: who.certificatePath, key: who.keyPath }, { now: new Date() });

async function sealed(who: DemoIdentity): Promise<Buffer> {
  return Buffer.from(await sealMessage(RECORD, { signer: await identityOf(who), now: new Date() }));
}

/** One that somebody changed on its way, one of a site that is not listed, one of a CA that is not trusted. */
async function badMessages(pki: DemoPki): Promise<BadMessage[]> {
  const good = await sealed(pki.sites[0]);
  const tampered = Buffer.from(good.toString('latin1').replace('NumberOfJobs: 10', 'NumberOfJobs: 99'), 'latin1');
  return [
    { id: 'demo-tampered', what: 'a message tampered with on its way', code: 'digest-mismatch', body: tampered },
    { id: 'demo-unlisted', what: 'a message of a site that is not listed', code: 'dn-not-listed', body: await sealed(pki.sites[1]) },
    { id: 'demo-untrusted', what: 'a message of a CA that is not trusted', code: 'chain-incomplete', body: await sealed(pki.untrusted) },
  ];
}

/** Puts the bad messages into the queue, past the sender. */
export async function intrude(scene: Scene): Promise<BadMessage[]> {
  const { pki, broker } = scene;
  const [, siteB] = pki.sites;
  const publisher = createStompPublisher({
    brokers: [
      {
        host: '127.0.0.1',
        port: broker.port,
        tls: () => ({
          ca: [readFileSync(pki.caPath, 'utf8')],
          certificate: readFileSync(siteB.certificatePath, 'utf8'),
          key: readFileSync(siteB.keyPath, 'utf8'),
        }),
      },
    ],
    destination: DESTINATION,
  });
  const signal = AbortSignal.timeout(15_000);
  try {
    const messages = await badMessages(pki);
    await Promise.all(messages.map((message) => publisher.publish(message, signal)));
    return messages;
  } finally {
    await publisher.drain(signal);
  }
}
