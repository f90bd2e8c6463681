/**
 * The invocations of KAPEL and of the gracc container, unchanged: bash, uid 10000, read-only root and certificates, no home, an empty
 * outgoing volume. Without a container engine: in a mount namespace, from a root directory of its own.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { type Child, requireTools, type Scope, startCommand } from '@ssm/test-support';
import { createOldSite, DESTINATION, type OldSite } from './support/old-site.js';
import { installPacked } from './support/packed.js';

const UID = 10_000;

interface Container {
  readonly root: string;
  readonly outgoing: string;
  /** Runs as uid 10000 with a root that cannot be written. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Child>;
}

/** Mounts what every container has, makes the root read-only, and gives up every right. */
const ENTER = `
set -e
root=$1; prefix=$2; node=$3; shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount --rbind /usr "$root/usr"
mount --bind "$prefix" "$root/usr/local"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc" || mount --rbind /proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --bind "$root/volume" "$root/var/spool/apel/outgoing"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid=${UID} --regid=${UID} --clear-groups --bounding-set=-all --no-new-privs "$@"
`;

async function createContainer(scope: Scope, site: OldSite): Promise<Container> {
  const { prefix } = installPacked(scope);
  const root = path.join(site.directory, 'root');
  const at = (...parts: string[]): string => path.join(root, ...parts);
  for (const name of ['usr', 'dev', 'proc', 'tmp', 'etc/grid-security', 'etc/apel', 'ssmsend-config', 'var/spool/apel/outgoing', 'volume'])
    mkdirSync(at(name), { recursive: true });
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) cpSync(`/${name}`, at(name), { verbatimSymlinks: true });
  for (const name of ['hosts', 'nsswitch.conf', 'ld.so.cache']) cpSync(`/etc/${name}`, at('etc', name), { dereference: true });
  const [{ certificatePath, keyPath }] = site.pki.sites;
  cpSync(certificatePath, at('etc/grid-security/hostcert.pem'));
  cpSync(keyPath, at('etc/grid-security/hostkey.pem'));
  cpSync(site.pki.trustDirectory, at('etc/grid-security/certificates'), { recursive: true });
  for (const name of ['hostcert.pem', 'hostkey.pem']) {
    chownSync(at('etc/grid-security', name), UID, UID);
    chmodSync(at('etc/grid-security', name), 0o400);
  }
  chownSync(at('volume'), UID, UID);
  writeFileSync(at('ssmsend-config/sender.cfg'), configuration(site.broker.port));
  writeFileSync(at('etc/apel/sender.cfg'), configuration(site.broker.port));
  // 0700 of the temporary directory would keep uid 10000 out.
  for (const directory of [site.directory, root, path.dirname(prefix), prefix]) chmodSync(directory, 0o755);
  return {
    root,
    outgoing: at('volume'),
    run: (args, env = {}) =>
      startCommand(scope, 'unshare', ['--mount', 'bash', '-c', ENTER, 'enter', root, prefix, process.execPath, ...args], {
        env: { PATH: `/usr/local/bin:${path.dirname(process.execPath)}:/usr/bin:/bin:/usr/sbin:/sbin`, NODE_OPTIONS: undefined, ...env },
      }),
  };
}

/** As the two projects ship it. */
function configuration(port: number): string {
  return `[sender]
protocol: STOMP

[broker]
host: localhost
port: ${port}
use_ssl: true

[certificates]
certificate: /etc/grid-security/hostcert.pem
key: /etc/grid-security/hostkey.pem
capath: /etc/grid-security/certificates

[messaging]
ams_project: accounting
destination: ${DESTINATION}
path: /var/spool/apel/outgoing
path_type: dirq

[logging]
logfile: /dev/null
level: DEBUG
console: true
`;
}

/** What a writer in another container of the pod leaves: one file, always of the same name. */
function leave(outgoing: string): void {
  const directory = path.join(outgoing, '12345678');
  mkdirSync(directory);
  writeFileSync(path.join(directory, '1234567890abcd'), 'APEL-individual-job-message: v0.3\n');
  for (const each of [directory, path.join(directory, '1234567890abcd')]) chownSync(each, UID, UID);
}

describe('containers of others', { skip: requireTools('root', 'unshare') }, () => {
  it("KAPEL's: /bin/bash -c, no home, uid 10000, everything read-only", async (test) => {
    const site = await createOldSite(test);
    const container = await createContainer(test, site);
    leave(container.outgoing);
    const line = 'mkdir $HOME; ssmsend -c /ssmsend-config/sender.cfg';
    const child = await container.run(['/bin/bash', '-c', line], { HOME: '/srv/home' });
    const { code } = await child.exited;
    assert.equal(code, 0, child.output());
    assert.match(child.output('stdout'), /INFO {2}all was sent {2}sent=1/);
    assert.equal(site.broker.messages(DESTINATION).length, 1);
    assert.deepEqual(
      readdirSync(path.join(container.outgoing))
        .filter((name) => !name.startsWith('.'))
        .flatMap((name) => readdirSync(path.join(container.outgoing, name))),
      [],
    );
  });

  it("gracc's: exec ssmsend without arguments, again and again", async (test) => {
    const site = await createOldSite(test);
    const container = await createContainer(test, site);
    for (let round = 1; round <= 2; round += 1) {
      if (round === 1) leave(container.outgoing);
      const child = await container.run(['/bin/sh', '-c', 'exec ssmsend'], { HOME: '/' });
      const { code } = await child.exited;
      assert.equal(code, 0, child.output());
    }
    assert.equal(site.broker.messages(DESTINATION).length, 1);
  });

  it('a key that only root can read is named, and nothing is sent', async (test) => {
    const site = await createOldSite(test);
    const container = await createContainer(test, site);
    leave(container.outgoing);
    chownSync(path.join(container.root, 'etc/grid-security/hostkey.pem'), 0, 0);
    const child = await container.run(['/bin/bash', '-c', 'ssmsend; ssm check'], {});
    const { code } = await child.exited;
    assert.equal(code, 1, child.output());
    assert.match(child.output(), /identity-unreadable.*hostkey\.pem.*EACCES/);
    assert.match(child.output(), /^FAIL {2}certificate +identity-unreadable/m);
    assert.deepEqual(site.broker.messages(DESTINATION), []);
  });

  it("ssm finds the configuration at the image's own place, behind that of the commands", async (test) => {
    const site = await createOldSite(test);
    const container = await createContainer(test, site);
    mkdirSync(path.join(container.root, 'etc/ssm'));
    const yaml = `broker: {urls: ['stomp+ssl://localhost:${site.broker.port}'], destination: ${DESTINATION}}\noutgoing: {layout: dirq}\n`;
    writeFileSync(path.join(container.root, 'etc/ssm/sender.yaml'), yaml);
    const both = await container.run(['/bin/sh', '-c', 'ssm check'], {});
    assert.equal((await both.exited).code, 0, both.output());
    assert.match(both.output(), /^ok +configuration +\/etc\/apel\/sender\.cfg, of a sender$/m);
    rmSync(path.join(container.root, 'etc/apel/sender.cfg'));
    const one = await container.run(['/bin/sh', '-c', 'ssm check'], {});
    assert.equal((await one.exited).code, 0, one.output());
    assert.match(one.output(), /^ok +configuration +\/etc\/ssm\/sender\.yaml, of a sender$/m);
  });

  it('a volume that belongs to somebody else is named, with our uid', async (test) => {
    const site = await createOldSite(test);
    const container = await createContainer(test, site);
    leave(container.outgoing);
    chownSync(container.outgoing, 0, 0);
    const child = await container.run(['/bin/bash', '-c', 'ssmsend'], {});
    const { code } = await child.exited;
    assert.equal(code, 1, child.output());
    assert.match(child.output(), /permission-denied.*uid 10000.*0:0/);
    const check = await container.run(['/bin/bash', '-c', 'ssm check'], {});
    await check.exited;
    assert.match(check.output(), /^FAIL {2}outgoing +permission-denied/m);
  });

  it('what root has made in incoming is found before a message comes', async (test) => {
    const site = await createOldSite(test);
    const script = path.join(import.meta.dirname, '../src/ssm.js');
    mkdirSync(path.join(site.incoming, '00000000'), { recursive: true });
    chownSync(site.incoming, UID, UID);
    for (const directory of [site.directory, path.dirname(site.pki.directory)]) chmodSync(directory, 0o755);
    const file = site.receiverConfig();
    const check = await startCommand(test, process.execPath, [script, 'check', '-c', file, '--offline'], { uid: UID, gid: UID, cwd: '/' });
    assert.equal((await check.exited).code, 1);
    assert.match(
      check.output(),
      new RegExp(`^FAIL {2}incoming +permission-denied: .*${site.incoming}/00000000 is owned by 0:0 mode 0755`, 'm'),
    );
  });

  it('root does not try a volume that belongs to somebody else, but says how to', async (test) => {
    const site = await createOldSite(test);
    chownSync(site.outgoing, UID, UID);
    const { code, out } = await site.run('ssm', ['check', '-c', site.senderConfig(), '--offline']);
    assert.equal(code, 0, out);
    assert.match(out, new RegExp(`^skip +outgoing .*uid ${UID}: not tried as root\\n +-> setpriv --reuid=${UID}`, 'm'));
    assert.deepEqual(readdirSync(site.outgoing), []);
  });
});
