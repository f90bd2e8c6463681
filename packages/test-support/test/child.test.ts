import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { kill } from 'node:process';
import { describe, it, type TestContext } from 'node:test';
import { type Child, startCommand, startNode, temporaryDirectory } from '../src/index.js';

async function run(t: TestContext, source: string, env: Record<string, string | undefined> = {}): Promise<Child> {
  const script = path.join(temporaryDirectory(t), 'script.mjs');
  writeFileSync(script, source);
  return await startNode(t, script, ['one', 'two words'], { env, cwd: path.dirname(script) });
}

describe('startNode', () => {
  it('captures the lines of both streams', async (t) => {
    const child = await run(
      t,
      'console.log(process.argv.slice(2).join()); console.error("fault " + process.env.WHAT); process.exitCode = 3;',
      {
        WHAT: 'x',
      },
    );
    assert.deepEqual(await child.exited, { code: 3, signal: null });
    assert.equal(child.output('stdout'), 'one,two words\n');
    assert.equal(child.output('stderr'), 'fault x\n');
  });

  it('waits for a line, before or after it is printed', async (t) => {
    const child = await run(t, 'console.log("port 17"); setTimeout(() => console.log("port 18"), 50); setInterval(() => {}, 1000);');
    const [, port] = await child.waitForLine(/port (\d+)/);
    assert.equal(port, '17');
    assert.equal((await child.waitForLine(/port (\d+)/))[1], '17');
    assert.equal((await child.waitForLine(/port (\d+)/, { from: 1 }))[1], '18');
  });

  it('stops waiting when the child ends or time is up', async (t) => {
    const short = await run(t, 'console.log("good bye");');
    await assert.rejects(short.waitForLine(/hello/, { timeout: 60_000 }), /ended .*\n?[\s\S]*good bye/);
    const long = await run(t, 'setInterval(() => {}, 1000);');
    await assert.rejects(long.waitForLine(/hello/, { timeout: 50 }), /within 50 ms/);
  });

  it('sends signals and tells how the child ended', async (t) => {
    const child = await run(
      t,
      'process.on("SIGTERM", () => { console.log("stopping"); process.exit(0); }); console.log("up"); setInterval(() => {}, 1000);',
    );
    await child.waitForLine(/up/);
    assert.equal(child.exit, undefined);
    assert.equal(child.signal('SIGTERM'), true);
    assert.deepEqual(await child.exited, { code: 0, signal: null });
    assert.equal(child.output(), 'up\nstopping\n');
    assert.equal(child.signal('SIGTERM'), false);
    const killed = await run(t, 'setInterval(() => {}, 1000);');
    killed.signal('SIGKILL');
    assert.deepEqual(await killed.exited, { code: null, signal: 'SIGKILL' });
  });

  it('is killed when the test ends, though it ignores signals', async (t) => {
    let pid = 0;
    await t.test('inner', async (inner) => {
      const child = await run(inner, 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000);');
      await child.waitForLine(/up/);
      pid = child.pid;
    });
    assert.throws(() => kill(pid, 0), { code: 'ESRCH' });
  });
});

describe('startCommand', () => {
  it('rejects for a command that is not there', async (t) => {
    await assert.rejects(startCommand(t, '/nonexistent/command'), { code: 'ENOENT' });
  });
});
