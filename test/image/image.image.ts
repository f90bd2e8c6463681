import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { requireTools, temporaryDirectory } from '@ssm/test-support';
import { buildImage, docker, inspect, type Output, REVISION, run, SOURCE, suiteScope, VERSION } from './docker.js';

interface Image {
  readonly Size: number;
  readonly RootFS: { readonly Layers: readonly string[] };
  readonly Config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
    readonly Volumes: unknown;
    readonly Healthcheck: { readonly Test: readonly string[] };
  };
}

const MB = 1_000_000;
/** What may come on top of Debian and the binary of Node: our code and its dependencies, tini, two libraries. */
const LARGEST_ADDITION = 12 * MB;

/** SHA-256 of every file of JavaScript below a folder of an image; `except`: a folder in it that is left out. */
async function hashes(image: string, folder: string, except = 'none'): Promise<string[]> {
  const script = `cd ${folder} && find . -path ./${except} -prune -o -type f \\( -name '*.js' -o -name '*.?js' \\) -print0 | LC_ALL=C sort -z | xargs -0 sha256sum`;
  return (await docker('run', '--rm', '--network', 'none', '--entrypoint', 'sh', image, '-c', script)).split('\n');
}

/** In a container without network, file system to write, or capabilities. */
const start = (...args: readonly string[]): Promise<Output> =>
  run('docker', ['run', '--rm', '--network', 'none', '--read-only', '--cap-drop', 'ALL', ...args]);

describe('the image', { skip: requireTools('docker') }, () => {
  const scope = suiteScope();
  let image = '';
  before(async () => {
    image = await buildImage(scope, 'ssm');
  });

  it('has a user with a fixed number, no anonymous volume, and labels', async () => {
    const { Config } = await inspect<Image>(image);
    assert.equal(Config.User, '1000:1000');
    assert.ok(Config.Volumes === undefined || Config.Volumes === null, JSON.stringify(Config.Volumes));
    assert.deepEqual(Config.Healthcheck.Test, ['CMD', 'ssm-health', 'live']);
    assert.ok(Config.Env.includes('SSM_OPS_HOST=::'));
    const { Labels } = Config;
    assert.equal(Labels['org.opencontainers.image.version'], VERSION);
    assert.equal(Labels['org.opencontainers.image.revision'], REVISION);
    assert.equal(Labels['org.opencontainers.image.source'], SOURCE);
    assert.equal(Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
  });

  it('is Debian, the binary of Node, and little more', async (test) => {
    const base = await inspect<Image>('debian:bookworm-slim');
    const node = Number(await docker('run', '--rm', image, 'stat', '-c', '%s', '/usr/local/bin/node'));
    const { Size } = await inspect<Image>(image);
    const added = Size - base.Size - node;
    const shown = [Size, base.Size, node, added].map((bytes) => (bytes / MB).toFixed(1));
    test.diagnostic(`${shown[0]} MB: Debian ${shown[1]}, Node ${shown[2]}, everything else ${shown[3]}`);
    assert.ok(added < LARGEST_ADDITION, `${added} bytes`);
  });

  it('has no package manager of JavaScript, no tests, no types, no native code', async () => {
    const tools = await docker('run', '--rm', image, 'sh', '-c', 'for c in npm npx yarn corepack; do command -v $c; done; true');
    assert.equal(tools, '');
    const files = await docker('run', '--rm', image, 'find', '/opt/ssm', '/usr/local');
    const unwanted =
      /\/(?:npm|yarn|corepack)(?:\/|$)|\.(?:ts|map|node|tsbuildinfo)$|\/dist\/test\/|@ssm\/(?:devbroker|test-support)|\/node_modules\/[^@/]+\/tests?\//;
    assert.deepEqual(
      files.split('\n').filter((file) => unwanted.test(file)),
      [],
    );
    assert.match(files, /\/opt\/ssm\/services\/sender\/dist\/src\/main\.js/);
    assert.match(files, /\/opt\/ssm\/node_modules\/fastify\/LICENSE/);
  });

  it('says how it is used, and runs any other command', async () => {
    for (const args of [[], ['--help'], ['reciever']]) {
      const { code, stderr } = await start(image, ...args);
      assert.equal(code, 2);
      assert.match(stderr, /sender\|receiver\|replay/);
    }
    assert.equal((await start(image, 'id', '-u')).stdout.trim(), '1000');
  });

  it('has the commands of the Python SSM, and ssm, in a shell of any user', async () => {
    const line = 'for command in ssm ssmsend ssmreceive; do $command --version || exit; done; ssmsend -c /none.cfg';
    const { code, stdout, stderr } = await start('--user', '10000:10000', '--entrypoint', '/bin/bash', image, '-c', line);
    assert.deepEqual(stdout.match(/^SSM \d+\.\d+\.\d+$/gm)?.length, 3, stderr);
    assert.notEqual(code, 0);
    assert.match(stderr, /none\.cfg/);
  });

  it('runs under any user, with all of a hardened container taken away', async () => {
    for (const [user, service] of [
      ['1000:1000', 'sender'],
      ['12345:0', 'receiver'],
      ['2147483647:65534', 'replay'],
      ['0:0', 'sender'],
    ] as const) {
      const { code, stdout, stderr } = await start('--user', user, image, service, '--help');
      assert.equal(code, 0, stderr);
      assert.match(stdout, /broker\.destination/);
    }
  });

  it('refuses to begin without a volume, instead of writing into the container', async () => {
    // Even where the root file system could be written.
    const { code, stdout } = await run('docker', ['run', '--rm', '--network', 'none', image, 'sender', '--broker.destination=/queue/x']);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /"path-missing".*\/var\/spool\/apel\/outgoing does not exist/);
  });

  it('reads /etc/ssm/SERVICE.yaml where it is there, and another file where it is told to', async (test) => {
    const folder = temporaryDirectory(test);
    for (const name of ['sender', 'receiver', 'other']) writeFileSync(path.join(folder, `${name}.yaml`), `${name}IsRead: true\n`);
    const mounts = ['--user', '0:0', '--volume', `${folder}:/etc/ssm:ro`];
    for (const [expected, ...args] of [
      ['sender', 'sender'],
      ['receiver', 'receiver'],
      ['receiver', 'replay'],
      ['other', 'sender', '--config', '/etc/ssm/other.yaml'],
    ]) {
      const { code, stderr } = await start(...mounts, image, ...args);
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`${expected}IsRead`));
    }
    const { stderr } = await start(...mounts, '--env', 'SSM_CONFIG=/etc/ssm/other.yaml', image, 'sender');
    assert.match(stderr, /otherIsRead/);
  });

  it('is not healthy where no service runs, or none answers', async () => {
    const idle = await start(image, 'ssm-health', 'live');
    assert.deepEqual([idle.code, idle.stdout], [1, 'no service runs here\n']);
    // Something that has the command line of a service, and does nothing.
    for (const [port, ...args] of [
      ['9101', 'sender'],
      ['9102', 'receiver'],
      ['1234', 'receiver', '--ops.port=1234'],
    ]) {
      const { code, stdout } = await start(image, 'bash', '-c', 'ssm-health live; exit $?', '/opt/ssm/scripts/start.cjs', ...args);
      assert.deepEqual([code, stdout], [1, `nothing answers at 127.0.0.1 ::1 port ${port}\n`]);
    }
  });

  it('comes as one for each service too', async (test) => {
    for (const [service, key] of [
      ['sender', 'outgoing.path'],
      ['receiver', 'incoming.path'],
    ] as const) {
      const own = await buildImage(test, service);
      const { code, stdout } = await start(own, '--help');
      assert.equal(code, 0);
      assert.ok(stdout.includes(key));
      const shared = (await inspect<Image>(image)).RootFS.Layers;
      assert.deepEqual((await inspect<Image>(own)).RootFS.Layers, shared, 'not a byte more than the one for both');
    }
  });

  it('has the same JavaScript, byte for byte, whenever it is built from the same lock file', async (test) => {
    const again = await buildImage(test, 'build', ['--no-cache']);
    const ours = await hashes(again, '/out/app');
    assert.ok(ours.length > 100, `${ours.length} files`);
    assert.deepEqual(ours, await hashes(image, '/opt/ssm', 'node_modules'));
    const others = await hashes(again, '/out/node_modules');
    assert.ok(others.length > 300, `${others.length} files`);
    assert.deepEqual(others, await hashes(image, '/opt/ssm/node_modules'));
  });
});
