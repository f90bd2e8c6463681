// A receiver that is killed at the end of every stage that a reject passes; test/e2e does the same with good messages.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Stage } from '@ssm/receiver';
import { type Scope, startNode } from '@ssm/test-support';
import { createSite, type Site, settled } from './support/live.js';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const HOOKED = fileURLToPath(new URL('hooked-main.js', import.meta.url));

async function killAtEach(scope: Scope, site: Site, stages: readonly Stage[], put: (id: string) => Promise<void>): Promise<void> {
  for (const stage of stages) {
    await put(stage);
    const child = await startNode(scope, HOOKED, site.args(`--kill-stage=${stage}`, '--window=1'));
    assert.equal((await child.exited).signal, 'SIGKILL', child.output());
  }
  await startNode(scope, MAIN, site.args());
  await settled(site);
}

describe('a receiver that is killed', () => {
  it('has each rejected message once in the reject queue', async (t) => {
    const site = await createSite(t);
    const stages = ['stage', 'record', 'store', 'acknowledge', 'confirm'] as const;
    await killAtEach(t, site, stages, async (id) => {
      const message = Buffer.from(await site.seal(`records ${id}`)).toString('latin1');
      site.put(message.replace('records', 'RECORDS'), id);
    });
    const ids = site.rejected().map(({ empaid }) => empaid);
    assert.deepEqual(new Set(ids), new Set(stages));
    assert.equal(ids.length, stages.length);
  });
});
