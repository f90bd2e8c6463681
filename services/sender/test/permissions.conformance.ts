// The sender under another user than the writers of its volume. Only root can set that up.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { addElement, type Child, eventually, requireTools, type Scope, startNode } from '@ssm/test-support';
import { createSite, DESTINATION, type Site, sharedPki } from './support/site.js';
import { filesBelow, putFile } from './support/writer.js';

const MAIN = path.join(import.meta.dirname, '..', 'src', 'main.js');
const SERVICE = 54_321;
const WRITER = 54_322;

/** A volume that writer and service share by its mode, and a copy of the key that is the service's. */
function handOver(site: Site): { readonly certificate: string; readonly key: string } {
  chmodSync(site.directory, 0o755);
  chownSync(site.outgoing, WRITER, SERVICE);
  chmodSync(site.outgoing, 0o2770);
  const [{ certificatePath, keyPath }] = site.pki.sites;
  const files = { certificate: path.join(site.directory, 'host.pem'), key: path.join(site.directory, 'host-key.pem') };
  copyFileSync(certificatePath, files.certificate);
  copyFileSync(keyPath, files.key);
  chownSync(files.key, SERVICE, SERVICE);
  chmodSync(site.pki.directory, 0o755);
  chmodSync(path.dirname(site.pki.directory), 0o755);
  return files;
}

function startAsService(scope: Scope, config: string, ...args: string[]): Promise<Child> {
  return startNode(scope, MAIN, ['--config', config, ...args], { uid: SERVICE, gid: SERVICE });
}

function owned(file: string, mode: number): void {
  chownSync(file, WRITER, SERVICE);
  chmodSync(file, mode);
}

function addOwned(site: Site, mode: number): string {
  const name = addElement(site.outgoing, 'records');
  owned(path.join(site.outgoing, path.dirname(name)), 0o2770);
  owned(path.join(site.outgoing, name), mode);
  return name;
}

describe('a sender under another user than the writer', { skip: requireTools('root') }, () => {
  const keys = sharedPki({ after });

  it('quarantines a plain file that it may not read, and sends the others', async (t) => {
    const site = await createSite(t, keys);
    const identity = handOver(site);
    for (const [name, mode] of [
      ['secret', 0o600],
      ['open', 0o640],
    ] as const) {
      putFile(site.outgoing, name, 'records');
      owned(path.join(site.outgoing, name), mode);
    }
    const child = await startAsService(t, site.config({ identity, outgoing: { layout: 'directory' } }));
    const line = JSON.parse((await child.waitForLine(/.*"file put into quarantine".*/))[0]);
    assert.deepEqual([line.empaId, line.code], ['secret', 'unreadable']);
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 1));
    await eventually(() => assert.deepEqual(filesBelow(site.outgoing), []));
  });

  it('sends from a directory queue whose files its group may write', async (t) => {
    const site = await createSite(t, keys);
    const identity = handOver(site);
    addOwned(site, 0o660);
    const child = await startAsService(t, site.config({ identity }), '--once');
    assert.deepEqual(await child.exited, { code: 0, signal: null }, child.output());
    assert.deepEqual(filesBelow(site.outgoing), []);
  });

  it('refuses to start where it may not lock, and says who it is and what is wrong', async (t) => {
    const site = await createSite(t, keys);
    const identity = handOver(site);
    addOwned(site, 0o640);
    const child = await startAsService(t, site.config({ identity }));
    assert.equal((await child.exited).code, 1);
    const { error } = JSON.parse((await child.waitForLine(/.*"start failed".*/))[0]);
    assert.equal(error.code, 'permission-denied');
    assert.match(error.message, new RegExp(`${SERVICE}`));
  });

  it('goes on with the others when files come that it may not lock, quarantines none of them, and sends them when it may', async (t) => {
    const site = await createSite(t, keys);
    const identity = handOver(site);
    const child = await startAsService(t, site.config({ identity }));
    await child.waitForLine(/"connected to the broker"/);
    const locked = Array.from({ length: 3 }, () => addOwned(site, 0o640));
    addOwned(site, 0o660);
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 1));
    const line = JSON.parse((await child.waitForLine(/.*"file not sent, will be tried again".*/))[0]);
    assert.equal(line.code, 'permission-denied');
    await eventually(() => assert.deepEqual(new Set(filesBelow(site.outgoing)), new Set(locked)));
    for (const name of locked) owned(path.join(site.outgoing, name), 0o660);
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 4));
  });

  it('refuses to start without a volume', async (t) => {
    const site = await createSite(t, keys);
    const identity = handOver(site);
    const child = await startAsService(t, site.config({ identity, outgoing: { path: path.join(site.directory, 'none') } }));
    assert.equal((await child.exited).code, 1);
    const { error } = JSON.parse((await child.waitForLine(/.*"start failed".*/))[0]);
    assert.equal(error.code, 'path-missing');
  });

  it('refuses a key that belongs to another user', async (t) => {
    const site = await createSite(t, keys);
    const identity = handOver(site);
    const other = path.join(site.directory, 'other-key.pem');
    writeFileSync(other, '', { mode: 0o600 });
    const child = await startAsService(t, site.config({ identity: { ...identity, key: other } }));
    assert.equal((await child.exited).code, 1);
    const { error } = JSON.parse((await child.waitForLine(/.*"start failed".*/))[0]);
    assert.equal(error.code, 'identity-unreadable');
  });
});
