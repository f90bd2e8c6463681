import assert from 'node:assert/strict';
import { chmodSync, chownSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type Child, requireTools, startCommand } from '@ssm/test-support';
import { eachExactlyOnce, World } from './world.js';

// Writer, sender, receiver and loader under four users, as sites have them: what they share is a group a volume.

const WRITER = { uid: 20_001, gid: 30_001 };
const SENDER = { uid: 20_002, gid: 30_001 };
const RECEIVER = { uid: 20_003, gid: 30_002 };
const LOADER = { uid: 20_004, gid: 30_002 };
const MESSAGES = 5;

/** Adds elements as the field's writers do, and prints the SHA-256 of each. */
const WRITE = `
import hashlib, os, sys
from dirq.QueueSimple import QueueSimple
os.umask(0o002)
queue = QueueSimple(sys.argv[1], umask=0o002)
for index in range(int(sys.argv[2])):
    body = ('record %d\\n' % index).encode() * (index + 1)
    queue.add(body.decode())
    print('added', hashlib.sha256(body).hexdigest(), flush=True)
print('done', flush=True)
`;

/** Loads as apel's loader does: lock, get, remove, purge. */
const LOAD = `
import hashlib, sys, time
from dirq.queue import Queue
queue = Queue(sys.argv[1], schema={'body': 'string', 'signer': 'string', 'empaid': 'string?'}, umask=0o002)
left = int(sys.argv[2])
while left > 0:
    name = queue.first()
    while name:
        if queue.lock(name):
            data = queue.get(name)
            print('loaded', hashlib.sha256(data['body'].encode()).hexdigest(), data['signer'], data['empaid'], flush=True)
            queue.remove(name)
            left -= 1
        name = queue.next()
    queue.purge()
    time.sleep(0.1)
print('done', flush=True)
`;

const lines = (child: Child, word: string): string[][] =>
  child.lines.map(({ text }) => text.split(' ')).filter(([first]) => first === word);

describe('four users', { skip: requireTools('root', 'python3-dirq') }, () => {
  it('writer, sender, receiver and loader need no more than a group in common', async (test) => {
    const world = await World.create(test);
    chmodSync(world.directory, 0o755);
    chmodSync(world.pki.directory, 0o755);
    for (const [file, owner] of [
      [world.pki.sites[0].keyPath, SENDER],
      [world.pki.server.keyPath, RECEIVER],
      [world.outgoing, WRITER],
      [world.incoming, RECEIVER],
      [world.reject, RECEIVER],
    ] as const)
      chownSync(file, owner.uid, owner.gid);
    chmodSync(world.outgoing, 0o2775);
    chmodSync(world.incoming, 0o2775);

    const writer = await startCommand(test, '/usr/bin/python3', ['-c', WRITE, world.outgoing, String(MESSAGES)], WRITER);
    await writer.waitForLine(/^done$/);
    const added = lines(writer, 'added').map(([, hash]) => hash!);
    assert.equal(added.length, MESSAGES);

    const receiver = await world.receiver({
      ...RECEIVER,
      config: { incoming: { directoryMode: '0775', fileMode: '0664', gid: RECEIVER.gid } },
    });
    const sender = await world.sender(SENDER);
    await eachExactlyOnce(world, added);

    const loader = await startCommand(test, '/usr/bin/python3', ['-c', LOAD, world.incoming, String(MESSAGES)], LOADER);
    await loader.waitForLine(/^done$/);
    const loaded = lines(loader, 'loaded');
    assert.deepEqual(new Set(loaded.map(([, hash]) => hash)), new Set(added));
    assert.equal(loaded.length, added.length);
    assert.deepEqual([...new Set(loaded.map(([, , signer]) => signer))], [world.pki.sites[0].dn]);
    assert.equal((await world.arrived()).size, 0, 'something is left in incoming');
    assert.deepEqual([await sender.stop(), await receiver.stop()], [0, 0]);
  });

  it('a sender that may not lock says so, and why, at start', async (test) => {
    const world = await World.create(test);
    chmodSync(world.directory, 0o755);
    chmodSync(world.pki.directory, 0o755);
    chownSync(world.pki.sites[0].keyPath, SENDER.uid, SENDER.gid);
    chownSync(world.outgoing, WRITER.uid, WRITER.gid);
    chmodSync(world.outgoing, 0o755);
    const sender = await world.sender(SENDER);
    const { code } = await sender.child.exited;
    assert.equal(code, 1);
    assert.match(sender.child.output(), /permission-denied/);
    assert.match(sender.child.output(), /20002/);
  });
});
