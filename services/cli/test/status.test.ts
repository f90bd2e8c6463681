/** Which services `ssm status` asks when it is told none, and what it says of those that do not answer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { type Asked, askedUnasked } from '../src/ssm/asked.js';
import { parseGiven } from '../src/ssm/parse.js';
import { showStatus, statusCommand } from '../src/ssm/status.js';
import type { Terminal } from '../src/ssm/terminal.js';

const SENDER = 'http://127.0.0.1:9101';
const RECEIVER = 'http://127.0.0.1:9102';
const BROKER = 'broker: { urls: "stomp://localhost:1", destination: /queue/x }\n';

function fake(env: Terminal['env'] = {}): { readonly terminal: Terminal; readonly out: () => string } {
  const stdout = new PassThrough();
  let text = '';
  stdout.on('data', (chunk) => (text += String(chunk)));
  const terminal = {
    env,
    stdin: new PassThrough(),
    stdout,
    stderr: new PassThrough(),
    now: () => new Date(),
    signal: new AbortController().signal,
  };
  return { terminal, out: () => text };
}

/** With these files at the default places, and no other. */
function asked(test: TestContext, files: Readonly<Record<string, string>>, env: Terminal['env'] = {}): readonly Asked[] {
  const directory = temporaryDirectory(test);
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, name), text);
  const at = (name: string): string[] => [path.join(directory, `${name}.cfg`), path.join(directory, `${name}.yaml`)];
  const given = parseGiven(statusCommand, []);
  const found = askedUnasked(given, fake(env).terminal, { sender: at('sender'), receiver: at('receiver') });
  return found.map(({ note, ...each }) => (note === undefined ? each : { ...each, note: note.replaceAll(directory, 'DIR') }));
}

describe('whom ssm status asks', () => {
  it('every service whose file there is, at the address of the file', (test) => {
    const files = {
      'sender.yaml': `${BROKER}outgoing: { path: /x }\nops: { port: 9201 }\n`,
      'receiver.yaml': `${BROKER}incoming: { path: /x }\nreject: { path: /y }\n`,
    };
    assert.deepEqual(asked(test, files), [
      { url: 'http://127.0.0.1:9201', service: 'sender' },
      { url: RECEIVER, service: 'receiver' },
      { url: SENDER, optional: true },
    ]);
  });

  it('whoever is at the default addresses where there is none', (test) => {
    assert.deepEqual(asked(test, {}), [
      { url: SENDER, optional: true },
      { url: RECEIVER, optional: true },
    ]);
  });

  it('the sender of an old file, which may be what cron starts', (test) => {
    const old = '[sender]\n[broker]\nhost: localhost\nport: 1\n[messaging]\ndestination: /queue/x\npath: /x\n';
    const note = 'a run of ssmsend that ends when all is sent has no health page to ask';
    assert.deepEqual(asked(test, { 'sender.cfg': old })[0], { url: SENDER, service: 'sender', optional: true, note });
    assert.deepEqual(asked(test, { 'sender.cfg': old }, { SSM_OPS_PORT: '9201' })[0], { url: 'http://127.0.0.1:9201', service: 'sender' });
  });

  it('a service whose file cannot be used, at its default address', (test) => {
    const note = 'its configuration cannot be used: ssm check -c DIR/receiver.yaml';
    assert.deepEqual(asked(test, { 'receiver.yaml': 'broker: [' })[0], { url: RECEIVER, service: 'receiver', note });
  });

  it('the one of SSM_CONFIG, or of the environment alone', (test) => {
    const file = path.join(temporaryDirectory(test), 'receiver2.yaml');
    writeFileSync(file, `${BROKER}incoming: { path: /x }\nreject: { path: /y }\nops: { port: 9202 }\n`);
    const named = asked(test, { 'sender.yaml': BROKER }, { SSM_CONFIG: file });
    assert.deepEqual(named[0], { url: 'http://127.0.0.1:9202', service: 'receiver' });
    assert.deepEqual(
      named.map(({ service }) => service),
      ['receiver', undefined, undefined],
    );
    const env = { SSM_BROKER_URLS: 'stomp://x:1', SSM_BROKER_DESTINATION: '/queue/x', SSM_OUTGOING_PATH: '/x', SSM_OPS_PORT: '9203' };
    assert.deepEqual(asked(test, {}, env)[0], { url: 'http://127.0.0.1:9203', service: 'sender' });
  });
});

/** Answers as a service does. */
async function serve(test: TestContext, name: string): Promise<string> {
  const server = createServer(({ url = '' }, response) => {
    if (url === '/metrics') response.end(`ssm_build_info{service="${name}",version="1"} 1\n`);
    else response.end(JSON.stringify(url === '/health/live' ? { live: true } : { ready: true, components: {} }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

/** An address at which nobody listens. */
async function nobody(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

async function shown(...services: readonly Asked[]): Promise<readonly [code: number, out: string]> {
  const { terminal, out } = fake();
  const code = await showStatus(services, false, terminal);
  return [code, out()];
}

describe('what ssm status says', () => {
  it('names a service that is configured and does not answer, and ends with 1', async (test) => {
    const [running, silent] = [await serve(test, 'sender'), await nobody()];
    const [code, out] = await shown({ url: running, service: 'sender' }, { url: silent, service: 'receiver' });
    assert.equal(code, 1);
    assert.match(out, new RegExp(`^sender 1 at ${running}: alive, ready$`, 'm'));
    assert.match(out, new RegExp(`^receiver at ${silent}: does not answer \\(connection refused\\): is it running\\?$`, 'm'));
    const { terminal, out: json } = fake();
    assert.equal(await showStatus([{ url: silent, service: 'receiver' }], true, terminal), 1);
    assert.deepEqual(JSON.parse(json()), [
      { url: silent, service: 'receiver', error: 'does not answer (connection refused): is it running?' },
    ]);
  });

  it('says nothing of an address that was tried in case, unless nobody is anywhere', async (test) => {
    const [running, silent] = [await serve(test, 'sender'), await nobody()];
    const tried = { url: silent, optional: true };
    assert.deepEqual((await shown({ url: running }, tried))[0], 0);
    assert.doesNotMatch((await shown({ url: running }, tried))[1], /does not answer/);
    assert.match((await shown(tried))[1], /^http:\S+: does not answer/);
    assert.equal((await shown(tried))[0], 1);
    const [code, out] = await shown({ url: silent, service: 'sender' }, { url: await nobody(), optional: true });
    assert.deepEqual([code, out.trim().split('\n').length], [1, 1]);
  });

  it('names what cron may start, and is content without its answer', async (test) => {
    const [running, silent] = [await serve(test, 'receiver'), await nobody()];
    const run = { url: silent, service: 'sender', optional: true, note: 'no page' } as const;
    const [code, out] = await shown(run, { url: running, service: 'receiver' });
    assert.equal(code, 0);
    assert.match(out, /^sender at \S+: does not answer .* \(no page\)$/m);
    assert.equal((await shown(run))[0], 1);
  });

  it('takes no other service for the one that was asked', async (test) => {
    const url = await serve(test, 'sender');
    const [code, out] = await shown({ url, service: 'receiver' });
    assert.deepEqual([code, out], [1, `receiver at ${url}: a sender answers there\n`]);
  });
});
