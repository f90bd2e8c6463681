import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { connect } from 'node:tls';
import { PlainStomp } from '../src/brokers/plain-stomp.js';
import {
  BROKER_KINDS,
  createDemoPki,
  type DemoIdentity,
  eventually,
  missingBroker,
  type RealBroker,
  startBroker,
  temporaryDirectory,
} from '../src/index.js';

const QUEUE = 'ssm.launcher';

async function put(broker: RealBroker, count: number): Promise<void> {
  const stomp = await PlainStomp.open({ host: broker.host, port: broker.plainPort }, broker.login, broker.passcode);
  const more = Object.fromEntries(broker.headers.map((header) => header.split('=')));
  for (let index = 0; index < count; index += 1) {
    // Artemis would send it to nobody.
    const routing = broker.kind === 'artemis' ? { 'destination-type': 'ANYCAST' } : {};
    stomp.send('SEND', { destination: `/queue/${QUEUE}`, persistent: 'true', receipt: String(index), ...more, ...routing }, 'text');
    await stomp.next('RECEIPT');
  }
  stomp.close();
}

const settled = (broker: RealBroker, count: number): Promise<void> =>
  eventually(async () => assert.equal(await broker.depth(QUEUE), count), { timeout: 30_000, interval: 200, what: `${count} in the queue` });

/** The answer to a CONNECT with this certificate and nothing else; what went wrong when there is none. */
function tlsLogin(broker: RealBroker, ca: string, identity?: DemoIdentity): Promise<string> {
  const own = identity === undefined ? {} : { cert: readFileSync(identity.certificatePath), key: readFileSync(identity.keyPath) };
  return new Promise((resolve) => {
    const socket = connect({ host: broker.host, port: broker.tlsPort, ca: readFileSync(ca), ...own });
    let answer = '';
    const end = (): void => {
      socket.destroy();
      resolve(answer.split('\n')[0] ?? '');
    };
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
      if (answer.includes('\0')) end();
    });
    socket.on('error', end).on('close', end);
    socket.write('CONNECT\naccept-version:1.2\nhost:/\n\n\0');
  });
}

for (const kind of BROKER_KINDS)
  describe(`the launcher of ${kind}`, { skip: missingBroker(kind) }, () => {
    it('starts a broker that keeps what it confirmed, however it ends', async (test) => {
      const pki = createDemoPki(temporaryDirectory(test), { key: 'p256' });
      const broker = await startBroker(test, kind, { pki });
      const { pid } = broker;
      assert.match(broker.title, /^(ActiveMQ|Artemis|RabbitMQ) \d+\.\d+\.\d+$/);
      assert.match(readFileSync(`/proc/${pid}/comm`, 'utf8'), /^(java|beam\.smp)\n$/);
      await put(broker, 5);
      await settled(broker, 5);
      await broker.kill();
      assert.equal(existsSync(`/proc/${pid}`), false);
      await broker.start();
      assert.notEqual(broker.pid, pid);
      await settled(broker, 5);
      await broker.stop();
      await broker.start();
      await settled(broker, 5);
      assert.notEqual(broker.log(), '');
    });

    it('lets in who has a certificate of the CA and an account, and nobody else', async (test) => {
      const pki = createDemoPki(temporaryDirectory(test), { key: 'p256' });
      const broker = await startBroker(test, kind, { pki });
      for (const identity of [...pki.sites, pki.server]) assert.equal(await tlsLogin(broker, pki.caPath, identity), 'CONNECTED');
      // Of the CA, but without an account.
      assert.notEqual(await tlsLogin(broker, pki.caPath, pki.broker), 'CONNECTED');
      assert.notEqual(await tlsLogin(broker, pki.caPath, pki.untrusted), 'CONNECTED');
      assert.notEqual(await tlsLogin(broker, pki.caPath), 'CONNECTED');
      const wrong = PlainStomp.open({ host: broker.host, port: broker.plainPort }, broker.login, 'wrong');
      await assert.rejects(wrong);
    });
  });
