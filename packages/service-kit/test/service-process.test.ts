/** The life cycle as a real process: signals, standard output that is slow, full or gone. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Child, eventually, startNode, temporaryDirectory } from '@ssm/test-support';

const script = fileURLToPath(new URL('./fixtures/service.js', import.meta.url));
const needed = ['--broker.destination=/queue/a'];

function start(t: TestContext, ...args: readonly string[]): Promise<Child> {
  return startNode(t, script, [...needed, ...args], { env: { SSM_OPS_PORT: '0' } });
}

/** With a standard output of its own; killed at the end of the test. */
function startWith(t: TestContext, stdout: 'pipe' | number, ...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [script, ...needed, ...args], {
    stdio: ['ignore', stdout, 'inherit'],
    env: { ...process.env, SSM_OPS_PORT: '0' },
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

describe('a service process', { concurrency: 3 }, () => {
  test('starts, serves health, stops in order on SIGTERM with 0', async (t) => {
    const child = await start(t);
    const [, url] = await child.waitForLine(/"url":"([^"]+)"/);
    await child.waitForLine(/"msg":"started"/);
    const ready = await fetch(`${url}/health/ready`);
    assert.equal(ready.status, 200);
    assert.deepEqual(await ready.json(), { ready: true, components: { service: { ready: true }, broker: { ready: true } } });
    child.signal('SIGTERM');
    assert.deepEqual(await child.exited, { code: 0, signal: null });
    const messages = child.lines.map(({ text }) => String(JSON.parse(text).msg));
    assert.deepEqual(messages, [
      'starting',
      'health and metrics are served',
      'started',
      'stop requested',
      'finishing work',
      'work finished',
      'stopped',
    ]);
  });

  test('SIGINT twice within a moment, as a terminal and npm deliver it, is one', async (t) => {
    const child = await start(t);
    await child.waitForLine(/"msg":"started"/);
    child.signal('SIGINT');
    child.signal('SIGINT');
    assert.deepEqual(await child.exited, { code: 0, signal: null });
  });

  test('a second signal later ends it at once', async (t) => {
    const child = await start(t, '--behaviour=hangs-at-stop');
    await child.waitForLine(/"msg":"started"/);
    child.signal('SIGTERM');
    await child.waitForLine(/finishing work/);
    const again = setInterval(() => child.signal('SIGINT'), 100);
    t.after(() => clearInterval(again));
    assert.deepEqual(await child.exited, { code: 130, signal: null });
  });

  test('a stop that takes longer than the drain time ends with 3', async (t) => {
    const child = await start(t, '--behaviour=hangs-at-stop', '--shutdown.drain=50ms');
    await child.waitForLine(/"msg":"started"/);
    child.signal('SIGTERM');
    assert.deepEqual(await child.exited, { code: 3, signal: null });
    assert.match(child.output(), /"msg":"stop step did not end in time"/);
    assert.match(child.output(), /"code":"stop-timeout"/);
  });

  // The code is lost before Node.js 22.15, which has execve(2).
  const ends: readonly [behaviour: string, code: number, signal: string][] = [
    ['plain', 0, 'SIGTERM'],
    ['hangs-at-stop', 3, 'SIGKILL'],
  ];
  for (const [behaviour, code, signal] of ends)
    test(`a file call that hangs does not hold up its end: ${behaviour}`, async (t) => {
      const fifo = path.join(temporaryDirectory(t), 'fifo');
      execFileSync('mkfifo', [fifo]);
      const child = await start(t, `--behaviour=${behaviour}`, `--opens=${fifo}`, '--shutdown.drain=100ms');
      await child.waitForLine(/"msg":"started"/);
      child.signal('SIGTERM');
      const ended = await Promise.race([child.exited, sleep(10_000, 'not yet', { ref: false })]);
      assert.deepEqual(ended, 'execve' in process ? { code, signal: null } : { code: null, signal });
      assert.match(child.output('stdout'), /"msg":"stopped".*\n$/);
      assert.equal(child.output('stderr'), 'The process ends without waiting for calls that hang: FSReqCallback\n');
    });

  test('nor does it after a second signal', async (t) => {
    const fifo = path.join(temporaryDirectory(t), 'fifo');
    execFileSync('mkfifo', [fifo]);
    const child = await start(t, '--behaviour=hangs-at-stop', `--opens=${fifo}`);
    await child.waitForLine(/"msg":"started"/);
    child.signal('SIGTERM');
    await sleep(600);
    child.signal('SIGINT');
    const ended = await Promise.race([child.exited, sleep(30_000, 'not yet', { ref: false })]);
    assert.deepEqual(ended, 'execve' in process ? { code: 130, signal: null } : { code: null, signal: 'SIGINT' });
  });

  for (const behaviour of ['throws', 'rejects'])
    test(`a bug that ${behaviour} is logged with its stack and ends it with 1, without the stop steps`, async (t) => {
      const child = await start(t, `--behaviour=${behaviour}`);
      assert.deepEqual(await child.exited, { code: 1, signal: null });
      const crashed = child.lines.map(({ text }) => JSON.parse(text)).find(({ msg }) => msg === 'crashed');
      assert.equal(crashed.error.name, 'TypeError');
      assert.match(crashed.stack, /fixtures\/service\.ts/);
      assert.doesNotMatch(child.output(), /finishing work/);
    });

  test('SIGHUP reloads and changes nothing else', async (t) => {
    const child = await start(t);
    await child.waitForLine(/"msg":"started"/);
    child.signal('SIGHUP');
    await child.waitForLine(/list read again/);
    child.signal('SIGTERM');
    assert.equal((await child.exited).code, 0);
  });

  test('a faulty configuration: all faults on stderr, nothing on stdout, 2', async (t) => {
    const file = path.join(temporaryDirectory(t), 'ssm.yaml');
    writeFileSync(file, 'broker: { window: 0 }');
    const child = await start(t, '--config', file, '--nonsense');
    assert.equal((await child.exited).code, 2);
    assert.equal(child.output('stdout'), '');
    assert.match(
      child.output('stderr'),
      /^fixture: The configuration has 2 faults:\n {2}- option --nonsense: .*\n {2}- file .*broker\.window/,
    );
  });

  test('an address that is in use: start failed, 1', async (t) => {
    const first = await start(t);
    const [, port] = await first.waitForLine(/"url":"[^"]+:(\d+)"/);
    const second = await start(t, `--ops.port=${port}`);
    assert.equal((await second.exited).code, 1);
    assert.match(second.output(), /"code":"ops-listen-failed"/);
  });

  test('a reader of the log that goes away does not end the service', async (t) => {
    const child = startWith(t, 'pipe', '--behaviour=chatty');
    assert.ok(child.stdout);
    const [chunk] = await once(child.stdout, 'data');
    const url = await urlIn(child, String(chunk));
    child.stdout.destroy();
    await eventually(async () => dropped(url).then((count) => count > 0));
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  test('a reader that hangs costs lines, bounded memory and no time', { timeout: 60_000 }, async (t) => {
    const child = startWith(t, 'pipe', '--behaviour=chatty');
    assert.ok(child.stdout);
    const [chunk] = await once(child.stdout, 'data');
    const url = await urlIn(child, String(chunk));
    child.stdout.pause();
    await eventually(async () => dropped(url).then((count) => count > 10_000), { timeout: 30_000 });
    const resident = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
    assert.ok(resident < 250_000, `${resident} kB after more than 10 MB of lines`);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  test('a full disk under the log does not end the service', async (t) => {
    const full = openSync('/dev/full', 'w');
    t.after(() => closeSync(full));
    const port = await freePort();
    const child = startWith(t, full, `--ops.port=${port}`, '--behaviour=chatty');
    await eventually(async () => dropped(`http://127.0.0.1:${port}`).then((count) => count > 1_000));
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  test('the log in a file is whole also when it crashes', async (t) => {
    const file = path.join(temporaryDirectory(t), 'log');
    const descriptor = openSync(file, 'a');
    t.after(() => closeSync(descriptor));
    const child = startWith(t, descriptor, '--behaviour=chatty-then-throws');
    assert.deepEqual(await once(child, 'exit'), [1, null]);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    assert.equal(lines.map((line) => String(JSON.parse(line).msg)).filter((message) => message === 'crashed').length, 1);
  });
});

/** Reads on until the address was printed. */
async function urlIn(child: ChildProcess, first: string): Promise<string> {
  let text = first;
  for (;;) {
    const [, url] = /"url":"([^"]+)"/.exec(text) ?? [];
    if (url !== undefined) return url;
    assert.ok(child.stdout);
    const [chunk] = await once(child.stdout, 'data');
    text += String(chunk);
  }
}

async function dropped(url: string): Promise<number> {
  const answer = await fetch(`${url}/metrics`);
  return Number(/^ssm_log_lines_dropped_total (\d+)$/m.exec(await answer.text())?.[1]);
}

/** For a child that cannot tell which one it got. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : assert.fail();
}
