import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { type Scope, startCommand, startNode, temporaryDirectory } from '@ssm/test-support';
import { root } from '../support/services.js';
import { World } from './world.js';

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

  it('hands a signal that its shell gets to the service', async (test) => {
    const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    const world = await World.create(test);
    const file = path.join(world.directory, 'sender.json');
    const { certificatePath: certificate, keyPath: key } = world.pki.sites[0];
    writeFileSync(
      file,
      JSON.stringify({
        broker: { urls: world.urls, destination: '/queue/e2e' },
        outgoing: { path: world.outgoing },
        identity: { certificate, key },
        trust: { directory: world.pki.trustDirectory },
        ops: { port: 0 },
      }),
    );
    // As npm runs a script; it signals the process that it started.
    const child = await startCommand(test, '/bin/sh', ['-c', `${scripts['start']} sender --config '${file}'`], { cwd: root });
    await child.waitForLine(/connected/);
    child.signal('SIGTERM');
    await child.waitForLine(/"stopped"/);
    assert.deepEqual(await child.exited, { code: 0, signal: null });
  });

  it('lets the threads of libuv, as many as are asked for, give way to the main thread', {
    skip: process.platform !== 'linux',
  }, async (test) => {
    const world = await World.create(test);
    const sender = await world.sender({ env: { UV_THREADPOOL_SIZE: '7' } });
    await sender.ready();
    const { pid } = sender.child;
    const own = os.getPriority();
    const priorities = new Map(readdirSync(`/proc/${pid}/task`).map((thread) => [Number(thread), os.getPriority(Number(thread))]));
    assert.equal(priorities.get(pid), own);
    assert.equal([...priorities.values()].filter((priority) => priority === Math.min(own + 5, 19)).length, 7);
    assert.equal(await sender.stop(), 0);
  });
});
