// The service as a process: start, health, stop.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Child, type Scope, startNode } from '@ssm/test-support';
import { createSite, DESTINATION, type Site, soon } from './support/live.js';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const HOOKED = fileURLToPath(new URL('hooked-main.js', import.meta.url));
const REPLAY = fileURLToPath(new URL('../src/replay-main.js', import.meta.url));

function run(scope: Scope, site: Site, script: string, ...args: readonly string[]): Promise<Child> {
  return startNode(scope, script, site.args('--log.format=json', ...args));
}

describe('the receiver as a process', () => {
  it('stores what comes, and exits with 0 at SIGTERM', async (t) => {
    const site = await createSite(t);
    await site.send('records');
    const child = await run(t, site, MAIN);
    await soon(() => assert.equal(site.stored().length, 1));
    await soon(() => assert.equal(site.broker.queueDepth(DESTINATION), 0));
    child.signal('SIGTERM');
    assert.deepEqual(await child.exited, { code: 0, signal: null });
    assert.match(child.output(), /"result":"stored"/);
    assert.doesNotMatch(child.output(), /"body"/);
    await soon(() => assert.deepEqual(site.broker.connections(), []));
  });

  it('finishes the messages in work at SIGTERM, and leaves the others at the broker', async (t) => {
    const site = await createSite(t);
    const child = await run(t, site, MAIN, '--window=2');
    for (let i = 0; i < 200; i++) await site.send(`records ${i}`, { empaId: `${i}` });
    await soon(() => assert.ok(site.stored().length > 5));
    child.signal('SIGTERM');
    assert.deepEqual(await child.exited, { code: 0, signal: null });
    assert.equal(site.stored().length + site.broker.queueDepth(DESTINATION), 200);
  });

  it('does not start when nobody may send, and says why', async (t) => {
    const site = await createSite(t);
    writeFileSync(site.allow, '');
    const child = await run(t, site, MAIN);
    const { code } = await child.exited;
    assert.equal(code, 1);
    assert.match(child.output(), /list-empty/);
  });

  it('recovers after it was killed between record and store', async (t) => {
    const site = await createSite(t);
    await site.send('records');
    const killed = await run(t, site, HOOKED, '--kill-stage=record');
    assert.equal((await killed.exited).signal, 'SIGKILL');
    assert.deepEqual(site.stored(), []);
    await soon(() => assert.equal(site.broker.queueDepth(DESTINATION), 1));
    const child = await run(t, site, MAIN);
    await soon(() => assert.equal(site.broker.queueDepth(DESTINATION), 0));
    assert.equal(site.stored().length, 1);
    await child.waitForLine(/"result":"duplicate"/);
  });

  it('tries rejects again with one command', async (t) => {
    const site = await createSite(t);
    const file = path.join(site.root, 'other');
    writeFileSync(file, '/C=UK/CN=somebody else\n');
    await site.send('records');
    const child = await run(t, site, MAIN, `--authorisation.allow=${file}`);
    await soon(() => assert.equal(site.rejected().length, 1));
    const again = await run(t, site, REPLAY);
    assert.deepEqual(await again.exited, { code: 0, signal: null });
    assert.equal(site.stored().length, 1);
    assert.deepEqual(site.rejected(), []);
    assert.equal(child.exit, undefined);
  });
});
