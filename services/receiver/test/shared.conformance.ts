// Commands beside a receiver whose record is shared through a real server.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { loadConfig } from '@ssm/service-kit';
import { requireTools, type Scope, startRedis } from '@ssm/test-support';
import { adoptSettings, startAdopt } from '../src/adopt.js';
import { NO_NEED } from '../src/guard.js';
import { startReplay } from '../src/replay.js';
import { createStation, prepareStation, receive } from '../src/station.js';
import { elementsOf } from './support/bench.js';
import { createContext, type TestContext } from './support/context.js';
import { fakeDelivery } from './support/fake-subscriber.js';
import { configOf, createSite, type Site } from './support/live.js';

const skip = requireTools('redis');

interface Volume {
  readonly site: Site;
  readonly args: readonly string[];
  readonly incoming: string;
}

/** What a receiver on that volume does with these messages: their results. */
async function receiveAll(scope: Scope, { args, site }: Volume, messages: readonly Uint8Array[]): Promise<string[]> {
  const context = createContext(scope);
  const station = await createStation(configOf(site, ...args), context, {});
  await prepareStation(station, NO_NEED, context);
  const outcomes: string[] = [];
  for (const body of messages)
    outcomes.push((await receive(station, station.pipeline, fakeDelivery({ body, empaId: undefined }), context.log)).outcome);
  await context.stop();
  return outcomes;
}

async function twoVolumes(scope: Scope): Promise<{ site: Site; one: Volume; two: Volume; server: string }> {
  const site = await createSite(scope);
  const { url: server } = await startRedis(scope);
  const volume = (name: string): Volume => {
    const [incoming, reject] = [`${site.root}/${name}`, `${site.root}/${name}-reject`];
    return { site, incoming, args: [`--incoming.path=${incoming}`, `--reject.path=${reject}`, `--deduplication.server=${server}`] };
  };
  return { site, server, one: volume('one'), two: volume('two') };
}

async function adopt(
  scope: Scope,
  { args, site }: Volume,
  ...more: readonly string[]
): Promise<{ code: number | undefined; context: TestContext }> {
  const context = createContext(scope);
  const { done } = await startAdopt(loadConfig(adoptSettings, { env: {}, args: site.args(...args, ...more) }), context);
  return { code: await done, context };
}

describe('startReplay', { skip }, () => {
  it('takes out of the reject queue what another volume has stored meanwhile, and stores the rest here', async (t) => {
    const { one, site, two } = await twoVolumes(t);
    const messages = [await site.seal('first'), await site.seal('second')];
    writeFileSync(site.allow, '/C=UK/CN=somebody else\n');
    assert.deepEqual(await receiveAll(t, one, messages), ['rejected', 'rejected']);
    writeFileSync(site.allow, site.pki.sites[0].dn);
    assert.deepEqual(await receiveAll(t, two, messages.slice(0, 1)), ['stored']);

    const context = createContext(t);
    const { done } = await startReplay(configOf(site, ...one.args), context);
    assert.equal(await done, 0);
    assert.deepEqual(elementsOf(`${site.root}/one-reject`), []);
    assert.deepEqual(
      [one, two].map(({ incoming }) => elementsOf(incoming).map(({ body }) => body)),
      [['second'], ['first']],
    );
    assert.deepEqual(await receiveAll(t, two, messages), ['duplicate', 'duplicate']);
  });
});

describe('startAdopt', { skip }, () => {
  it('shows the volumes, and refuses what makes no sense', async (t) => {
    const { one, site, two } = await twoVolumes(t);
    await receiveAll(t, one, [await site.seal('records')]);
    await receiveAll(t, two, []);
    const { code, context } = await adopt(t, one);
    assert.equal(code, 0);
    const volumes = context.lines.filter(({ message }) => message === 'volume').map(({ fields }) => fields);
    assert.deepEqual(new Set(volumes.map((fields) => fields['own'])), new Set([false, true]));
    const name = (mine: boolean): string => String(volumes.find((fields) => fields['own'] === mine)?.['volume']);
    for (const [volume, reason] of [
      [name(true), /of this receiver/],
      [name(false), /heard of \d+ s ago/],
      ['unknown', /no volume of this name/],
    ] as const) {
      const refused = await adopt(t, one, `--volume=${volume}`);
      assert.equal(refused.code, 1);
      const [line] = refused.context.lines.filter(({ level }) => level === 'error');
      assert.match(String(line?.fields['reason']), reason);
    }
    assert.equal((await adopt(t, one, `--volume=${name(false)}`, '--force')).code, 0);
    assert.equal((await adopt(t, one, '--emptyServer')).code, 0);
  });

  it('needs a shared record', async (t) => {
    const site = await createSite(t);
    const volume = { site, incoming: site.incoming, args: [] };
    await assert.rejects(adopt(t, volume), { code: 'config-invalid' });
  });
});
