import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { eventually, requireTools } from '@ssm/test-support';
import { demoFiles } from '../demo/files.js';
import { root, type ServiceName } from '../support/services.js';
import { inspect, run, suiteScope } from './docker.js';
import { lint, Stack } from './stack.js';

const SERVICES: readonly ServiceName[] = ['sender', 'receiver'];
/** `stop_grace_period` of the services. */
const GRACE_MS = 30_000;

interface Container {
  readonly State: { readonly ExitCode: number; readonly Health: { readonly Status: string } };
  readonly RestartCount: number;
  readonly HostConfig: { readonly ReadonlyRootfs: boolean; readonly CapDrop: readonly string[]; readonly SecurityOpt: readonly string[] };
  readonly NetworkSettings: { readonly Ports: Readonly<Record<string, readonly { readonly HostIp: string }[] | null>> };
}

interface Service {
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly restart: string;
  readonly deploy: { readonly resources: { readonly limits: { readonly memory?: string } } };
  readonly ports?: readonly { readonly host_ip?: string }[];
}

/** A service of a compose file, run in another world. */
const odd = (service: ServiceName, umask: string): string => `  ${service}:
    command: [sh, -c, 'umask ${umask}; exec ssm-entrypoint ${service}']
    environment: { TZ: Pacific/Apia, LANG: tr_TR.UTF-8, LC_ALL: tr_TR.UTF-8 }
`;

describe('docker compose up', { skip: requireTools('docker', 'prometheus') }, () => {
  const scope = suiteScope();
  let stack: Stack;

  before(async () => {
    stack = await Stack.create(scope);
    await stack.up();
  });

  it('carries what is dropped into ./outgoing to ./incoming, byte for byte', async () => {
    const files = await demoFiles(path.join(root, 'test/samples'));
    for (const { name, body } of files) stack.drop(name, body);
    await stack.arrived(new Map(files.map(({ name, body }) => [name, body])));
    assert.equal(await stack.metric('receiver', 'ssm_messages_total', { result: 'rejected' }), 0);
  });

  it('takes the largest file that is allowed, encrypted, within its limits of memory', async () => {
    const files = new Map([1, 2].map((number) => [`largest-${number}`, randomBytes(20 * 1024 * 1024)] as const));
    for (const [name, body] of files) stack.drop(name, body);
    await stack.arrived(files, 120_000);
    for (const service of SERVICES) assert.equal((await inspect<Container>(await stack.container(service))).RestartCount, 0, service);
  });

  it('lets no service have more than it needs, with any profile', async () => {
    const { services } = JSON.parse(await stack.must('--profile', '*', 'config', '--format', 'json')) as {
      services: Record<string, Service>;
    };
    assert.ok(Object.keys(services).length > 6);
    for (const [name, service] of Object.entries(services)) {
      assert.equal(service.read_only, true, name);
      assert.deepEqual(service.cap_drop, ['ALL'], name);
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
      assert.ok(Number(service.deploy.resources.limits.memory) > 0, name);
      assert.match(service.restart, /^(?:unless-stopped|no)$/, name);
      for (const { host_ip: address } of service.ports ?? []) assert.equal(address, '127.0.0.1', name);
    }
  });

  for (const service of SERVICES) {
    it(`runs the ${service} as nobody special`, async () => {
      const status = await stack.exec(service, 'cat', '/proc/1/status');
      const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
      const { SSM_UID: uid = '1000' } = stack.env;
      assert.deepEqual(field('Uid').split(/\s+/), Array(4).fill(uid));
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.match(field(set), /^0+$/, set);
      assert.equal(field('NoNewPrivs'), '1');
      assert.match(await stack.exec(service, 'cat', '/proc/1/comm'), /^tini$/);
      const { code, stderr } = await stack.compose('exec', '--no-TTY', service, 'touch', '/tmp/x');
      assert.notEqual(code, 0);
      assert.match(stderr, /Read-only file system/);
    });

    it(`publishes the ${service}'s port on this machine alone`, async () => {
      const { HostConfig, NetworkSettings } = await inspect<Container>(await stack.container(service));
      assert.equal(HostConfig.ReadonlyRootfs, true);
      const published = Object.values(NetworkSettings.Ports).flatMap((bindings) => bindings ?? []);
      assert.deepEqual(
        published.map(({ HostIp }) => HostIp),
        ['127.0.0.1'],
      );
    });

    it(`the ${service}'s metrics please promtool`, async () => {
      const text = await stack.metrics(service);
      assert.match(text, /^ssm_ready 1$/m);
      assert.equal(await lint(text), '');
    });

    it(`the ${service} is healthy, alive and ready`, async () => {
      assert.equal((await inspect<Container>(await stack.container(service))).State.Health.Status, 'healthy');
      assert.equal(await stack.exec(service, 'ssm-health', 'live'), '{"live":true}');
      assert.match(await stack.exec(service, 'ssm-health', 'ready'), /^\{"ready":true/);
    });
  }

  it('sets the broker up so that nothing is lost, and lets nobody in but by certificate', async () => {
    const password = await stack.exec('rabbitmq', 'cat', '/etc/ssm-broker/admin-password');
    const ask = (user: string, secret: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${stack.port('MANAGEMENT')}/api/queues/%2f/accounting`, {
        headers: { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` },
      });
    const answer = await ask('admin', password);
    assert.equal(answer.status, 200);
    const queue = (await answer.json()) as { type: string; effective_policy_definition: Record<string, unknown> };
    assert.equal(queue.type, 'quorum');
    assert.equal(queue.effective_policy_definition['delivery-limit'], -1);
    assert.equal(queue.effective_policy_definition['dead-letter-exchange'], 'dead-letters');
    assert.equal((await ask('guest', 'guest')).status, 401);
    // Until the broker ends it: with TLS 1.3 a client learns only then that its certificate is wanted.
    const args = ['s_client', '-connect', `127.0.0.1:${stack.port('BROKER')}`, '-quiet'];
    const { stdout, stderr } = await run('openssl', args, { input: 'CONNECT\naccept-version:1.2\nhost:/\n\n\0' });
    assert.doesNotMatch(stdout, /CONNECTED/);
    assert.match(stderr, /certificate required|handshake failure/);
  });

  it('loses nothing when the broker restarts with messages in flight', async () => {
    const files = new Map(Array.from({ length: 200 }, (_, index) => [`restart-${index}`, randomBytes((index * 997) % 60_000)] as const));
    const names = [...files.keys()];
    for (const name of names.slice(0, 150)) stack.drop(name, files.get(name)!);
    await eventually(async () => (await stack.metric('sender', 'ssm_messages_total', { result: 'sent' })) > 0, { timeout: 60_000 });
    await stack.must('kill', '--signal', 'KILL', 'rabbitmq');
    for (const name of names.slice(150)) stack.drop(name, files.get(name)!);
    await eventually(async () => (await stack.metric('sender', 'ssm_ready')) === 0, { timeout: 60_000, what: 'the sender not ready' });
    // A broker that is away is no reason to restart a service.
    assert.equal(await stack.exec('sender', 'ssm-health', 'live'), '{"live":true}');
    assert.notEqual((await stack.compose('exec', '--no-TTY', 'sender', 'ssm-health', 'ready')).code, 0);
    await stack.up('rabbitmq');
    await stack.arrived(files, 180_000);
    assert.equal((await inspect<Container>(await stack.container('sender'))).RestartCount, 0);
  });

  for (const service of SERVICES)
    it(`stops the ${service} at SIGTERM with exit 0, within the grace period`, async (test) => {
      const begin = performance.now();
      await stack.must('stop', service);
      const took = performance.now() - begin;
      test.diagnostic(`${Math.round(took)} ms`);
      assert.equal((await inspect<Container>(await stack.container(service))).State.ExitCode, 0);
      assert.ok(took < GRACE_MS, `${took} ms`);
    });

  it('does the same in any time zone, language and umask', async () => {
    writeFileSync(stack.file('docker-compose.override.yml'), `services:\n${odd('sender', '077')}${odd('receiver', '000')}`);
    await stack.up();
    const files = new Map([
      ['ISTANBUL-ı-İ.txt', Buffer.from('title: İstanbul, İI ıi\n')],
      ['binary', randomBytes(100_000)],
    ]);
    for (const [name, body] of files) stack.drop(name, body);
    await stack.arrived(files);
    assert.equal(await stack.metric('receiver', 'ssm_messages_total', { result: 'rejected' }), 0);
    for (const service of SERVICES) assert.match(await stack.logs(service), /"time":"[^"]*Z"/, 'times are UTC');
  });
});
