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

interface Visitor {
  readonly ca: string;
  readonly identity?: DemoIdentity;
  /** What is sent behind CONNECT. */
  readonly frame?: string;
}

/** The broker's answers to who comes with this certificate and nothing else, as far as it gives any. */
function visit(broker: RealBroker, { ca, identity, frame = '' }: Visitor): Promise<string[]> {
  const own = identity === undefined ? {} : { cert: readFileSync(identity.certificatePath), key: readFileSync(identity.keyPath) };
  return new Promise((resolve) => {
    const socket = connect({ host: broker.host, port: broker.tlsPort, ca: readFileSync(ca), ...own });
    let answer = '';
    const frames = (): string[] => answer.split('\0').slice(0, -1);
    const end = (): void => {
      socket.destroy();
      resolve(frames().map((text) => /[A-Z]+/.exec(text)?.[0] ?? ''));
    };
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
      if (frames().length > (frame === '' ? 0 : 1)) end();
    });
    socket.on('error', end).on('close', end);
    socket.write(`CONNECT\naccept-version:1.2\nhost:/\n\n\0${frame}`);
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

    it('lets in who has a certificate of the CA and an account, nobody else, and each to what it may', async (test) => {
      const pki = createDemoPki(temporaryDirectory(test), { key: 'p256' });
      const broker = await startBroker(test, kind, { pki });
      const ca = pki.caPath;
      for (const identity of [...pki.sites, pki.server]) assert.deepEqual(await visit(broker, { ca, identity }), ['CONNECTED']);
      // Of the CA, but without an account.
      assert.notEqual((await visit(broker, { ca, identity: pki.broker }))[0], 'CONNECTED');
      assert.deepEqual(await visit(broker, { ca, identity: pki.untrusted }), []);
      assert.deepEqual(await visit(broker, { ca }), []);
      const wrong = PlainStomp.open({ host: broker.host, port: broker.plainPort }, broker.login, 'wrong');
      await assert.rejects(wrong);

      // Sites send and do not receive, the server receives and does not send, and nobody goes elsewhere.
      const [send, subscribe] = [
        `SEND\ndestination:/queue/${QUEUE}\nreceipt:1\n\nx\0`,
        `SUBSCRIBE\nid:0\ndestination:/queue/${QUEUE}\nreceipt:1\n\n\0`,
      ];
      const ask = (identity: DemoIdentity, frame: string): Promise<string[]> => visit(broker, { ca, identity, frame });
      assert.deepEqual(await ask(pki.sites[0], send), ['CONNECTED', 'RECEIPT']);
      assert.deepEqual(await ask(pki.sites[0], subscribe), ['CONNECTED', 'ERROR']);
      assert.equal((await ask(pki.server, subscribe))[0], 'CONNECTED');
      assert.deepEqual(await ask(pki.server, send), ['CONNECTED', 'ERROR']);
      assert.deepEqual(await ask(pki.sites[0], send.replace(QUEUE, 'other')), ['CONNECTED', 'ERROR']);
    });
  });
