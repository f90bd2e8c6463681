import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { EmpaError, type Identity, loadIdentity, loadTrustStore, type OpenedMessage, openMessage, type TrustStore } from '@ssm/empa';
import { eventually } from '@ssm/test-support';
import { createOpening, type Opening } from '../src/opening/opening.js';
import { createContext, metricOf } from './support/context.js';
import { createSite, type Site } from './support/live.js';

const NOW = new Date();
const RULES = { policy: { crl: 'if-present', signingPolicy: 'if-present' }, limits: { bodyBytes: 400_000 } } as const;

let site: Site;
let server: Identity;
let trust: TrustStore;
const ended: (() => unknown)[] = [];

before(async () => {
  site = await createSite({ after: (step) => void ended.push(step) });
  const { certificatePath, keyPath } = site.pki.server;
  server = await loadIdentity({ certificate: certificatePath, key: keyPath }, { now: NOW });
  trust = await loadTrustStore(site.pki.trustDirectory, { now: NOW, stabilityMs: 0 });
});
after(async () => {
  for (const step of ended.toReversed()) await step();
});

interface Bench extends Opening {
  identities: readonly Identity[];
  threads(): Promise<number>;
}

function benchOf(t: TestContext, processors = 2): Bench {
  const context = createContext(t);
  const bench: Bench = {
    ...createOpening({ rules: RULES, identities: () => bench.identities, trust: () => trust, now: () => NOW, context, processors }),
    identities: [server],
    threads: () => metricOf(context, 'ssm_worker_threads'),
  };
  t.after(() => bench.close());
  return bench;
}

const here = (raw: Uint8Array, identities = [server]): Promise<OpenedMessage> =>
  openMessage(raw, { ...RULES, identities, trust, now: NOW });

/** Once this thread was busy for a while. */
async function threaded(bench: Bench): Promise<void> {
  const raw = await site.seal('first', { encrypted: true });
  await bench.open(raw);
  const end = performance.now() + 400;
  while (performance.now() < end);
  await bench.open(raw);
  await eventually(async () => assert.equal(await bench.threads(), 1));
}

function summary(all: readonly PromiseSettledResult<OpenedMessage>[]): unknown[] {
  return all.map((one) =>
    one.status === 'fulfilled' ? Buffer.from(one.value.body).toString() : [codeOf(one.reason), String(one.reason), partialOf(one.reason)],
  );
}

function partialOf(error: unknown): unknown {
  if (!(error instanceof EmpaError)) return undefined;
  const { body = '', signed, signer } = error.partial;
  return [Buffer.from(body).toString(), signed, signer?.toString()];
}

function codeOf(error: unknown): string | undefined {
  return error instanceof EmpaError ? error.code : undefined;
}

describe('a message that is opened on a thread', () => {
  it('is what it is when it is opened here', async (t) => {
    const bench = benchOf(t);
    await threaded(bench);
    const bodies = ['', 'Site: A\n', 'Zürich \t \n\r\n', Buffer.alloc(300_000, 'record\n'), Buffer.alloc(3000, 0xff)];
    const messages: Uint8Array[] = [];
    for (const body of bodies)
      for (const encrypted of [false, true]) messages.push(await site.seal(body, { encrypted, deliveryId: `d${messages.length}` }));
    const opened = await Promise.all(messages.map((raw) => bench.open(raw)));
    for (const [index, raw] of messages.entries()) {
      const { certificate, signer, body, ...facts } = opened[index]!;
      const expected = await here(raw);
      assert.ok(Buffer.from(body).equals(expected.body), `message ${index}`);
      assert.deepEqual(facts, { deliveryId: expected.deliveryId, signingTime: expected.signingTime, encrypted: index % 2 === 1 });
      assert.equal(signer.toString(), site.pki.sites[0].dn);
      assert.ok(certificate.raw.equals(expected.certificate.raw));
    }
    assert.equal(await bench.threads(), 1);
  });

  it('is refused as it is here, whatever is wrong with it, and the others come through', async (t) => {
    const bench = benchOf(t);
    await threaded(bench);
    const good = await site.seal('Site: A\nCPU: 12\n');
    const encrypted = await site.seal('Site: A\nCPU: 12\n', { encrypted: true });
    const text = Buffer.from(good).toString('latin1');
    const { certificatePath, keyPath } = site.pki.untrusted;
    const stranger = await loadIdentity({ certificate: certificatePath, key: keyPath }, { now: NOW });
    const bad = [
      Buffer.from('not a message'),
      Buffer.from(text.replace('CPU: 12', 'CPU: 99'), 'latin1'),
      Buffer.from(encrypted).subarray(0, encrypted.length - 400),
      await site.seal('x', { signer: stranger }),
      await site.seal(Buffer.alloc(500_000, 'too large\n')),
    ];
    const given = [...bad, good, encrypted];
    const results = await Promise.allSettled(given.map((raw) => bench.open(raw)));
    const expected = await Promise.allSettled(given.map((raw) => here(raw)));
    assert.deepEqual(summary(results), summary(expected));
    assert.equal(results.filter(({ status }) => status === 'rejected').length, bad.length);
    assert.equal(await bench.threads(), 1);
  });

  it('is decrypted by the identities of now', async (t) => {
    const bench = benchOf(t);
    await threaded(bench);
    const raw = await site.seal('secret', { encrypted: true });
    bench.identities = [];
    await assert.rejects(bench.open(raw), { code: 'no-matching-recipient' });
    bench.identities = [server];
    assert.equal(Buffer.from((await bench.open(raw)).body).toString(), 'secret');
  });
});

describe('messages that are opened here', () => {
  it('let the event loop turn when many come at once', async (t) => {
    const bench = benchOf(t, 1);
    const raw = await site.seal(Buffer.alloc(300_000, 'record\n'));
    let turns = 0;
    let ticking = setImmediate(function tick() {
      turns += 1;
      ticking = setImmediate(tick);
    });
    t.after(() => clearImmediate(ticking));
    const start = performance.now();
    const opened = await Promise.all(Array.from({ length: 200 }, () => bench.open(raw)));
    assert.ok(opened.every(({ body }) => body.length === 300_000));
    assert.ok(turns >= Math.min(3, (performance.now() - start) / 40), `${turns} turns`);
  });
});
