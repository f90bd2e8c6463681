import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { type Scope, startNode, temporaryDirectory } from '@ssm/test-support';
import { root } from '../support/services.js';

// npm start -- SERVICE ...: the command line that a person meets.

async function start(scope: Scope, args: readonly string[]): Promise<{ readonly code: number | null; readonly text: string }> {
  const child = await startNode(scope, path.join(root, 'scripts/start.cjs'), args);
  const { code } = await child.exited;
  return { code, text: child.output() };
}

describe('npm start', () => {
  it('without a service says how it is used', async (test) => {
    const { code, text } = await start(test, []);
    assert.equal(code, 2);
    assert.match(text, /sender\|receiver/);
  });

  for (const service of ['sender', 'receiver', 'replay', 'adopt']) {
    it(`${service} --help names every key`, async (test) => {
      const { code, text } = await start(test, [service, '--help']);
      assert.equal(code, 0);
      assert.match(text, /broker\.destination/);
      assert.match(text, /SSM_BROKER_DESTINATION/);
    });

    it(`${service} names all faults of its configuration at once`, async (test) => {
      const file = path.join(temporaryDirectory(test), 'faulty.yaml');
      writeFileSync(file, 'broker:\n  destinatoin: /queue/x\n  window: many\n');
      const { code, text } = await start(test, [service, '--config', file, '--ops.port=99999']);
      assert.equal(code, 2);
      for (const named of ['destinatoin', 'broker.window', 'ops.port', 'broker.destination'])
        assert.ok(text.includes(named), `${named} in ${text}`);
    });
  }
});
