import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { eventually } from '@ssm/test-support';
import { Volume } from '../stage/mounts.js';
import type { Slot } from '../stage/slot.js';
import type { Stage } from '../stage/stage.js';
import { type Fault, type Outcome, secondsSince } from './fault.js';

// The receiver's disks: full, out of inodes, read-only, then well again. It must stop taking messages, say why, live, and go on by itself.

const BEFORE = 20;
const DURING = 40;
/** None fits into what a full disk still has. */
const LEAST_BYTES = 20_000;
const TOOLS = ['root'] as const;

interface Answer {
  readonly components: Readonly<Record<string, { readonly ready: boolean; readonly reason?: string }>>;
}

/** Waits until the receiver says that it takes nothing because of this component, in words like these; its reason. */
async function stopsFor({ service }: Slot, component: string, like = /space|needed|free|read-only|file system/): Promise<string> {
  const reason = async (): Promise<string> => {
    const answer = (await (await fetch(`${service.url}/health/ready`)).json()) as Answer;
    const { ready, reason: why = '' } = answer.components[component] ?? { ready: true };
    assert.match(`${ready} ${why}`, new RegExp(`^false .*(${like.source})`));
    return why;
  };
  const why = await eventually(reason, { timeout: 60_000, what: `the receiver stops because of ${component}` });
  assert.equal(await service.metric('ssm_consuming'), 0, 'it goes on to take messages');
  assert.equal((await fetch(`${service.url}/health/live`)).status, 200, 'it should live');
  return why;
}

interface Trouble {
  /** What the receiver names. */
  readonly component: 'incoming' | 'delivery-record';
  readonly begin: (volume: Volume) => void | Promise<void>;
  readonly end: (volume: Volume) => void | Promise<void>;
}

/** Messages flow, the volume gets into trouble, more messages come, the trouble is over. */
async function through(stage: Stage, volume: Volume, receiver: Slot, trouble: Trouble): Promise<Outcome> {
  const sender = stage.sender();
  await Promise.all([sender.start(), receiver.start()]);
  await Promise.all([sender.ready(), receiver.ready()]);
  stage.add(BEFORE);
  await stage.arrived();
  await trouble.begin(volume);
  stage.add(DURING, { size: LEAST_BYTES });
  const reason = await stopsFor(receiver, trouble.component);
  await stage.outgoingEmpty();
  await stage.depthReaches(1);
  await trouble.end(volume);
  const start = performance.now();
  await eventually(async () => assert.equal(await receiver.service.metric('ssm_consuming'), 1), { timeout: 60_000, what: 'it goes on' });
  return { tally: await stage.count(), figures: { backSeconds: secondsSince(start), reason: reason.slice(0, 80) } };
}

/** A receiver whose incoming is on the volume. */
function receiverOn(stage: Stage, volume: Volume): Slot {
  const incoming = path.join(volume.path, 'incoming');
  stage.incoming[0] = incoming;
  return stage.receiver({ incoming });
}

const fullUnderIncoming: Fault = {
  name: 'disk-full-under-incoming',
  tools: [...TOOLS, 'mkfs.ext4'],
  run: async (stage) => {
    const volume = Volume.ext4(stage.scope, { mebibytes: 24 });
    return await through(stage, volume, receiverOn(stage, volume), {
      component: 'incoming',
      begin: () => volume.fill(),
      end: () => volume.free(),
    });
  },
};

/** Elements are renamed from the staging area into incoming, so it cannot be a volume of its own: it is refused before anything is taken. */
const fullUnderStaging: Fault = {
  name: 'disk-full-under-the-staging-area',
  tools: TOOLS,
  run: async (stage) => {
    const volume = Volume.tmpfs(stage.scope, { mebibytes: 16 });
    const receiver = receiverOn(stage, volume);
    const staging = path.join(volume.path, 'incoming/.staging');
    mkdirSync(staging, { recursive: true });
    assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'ssm-test', staging]).status, 0);
    await receiver.start();
    await stopsFor(receiver, 'incoming', /not on the file system of/);
    assert.equal(spawnSync('umount', [staging]).status, 0);
    await receiver.ready();
    await receiver.stop();
    return await through(stage, volume, receiver, { component: 'incoming', begin: () => volume.fill(), end: () => volume.free() });
  },
};

const fullUnderRecord: Fault = {
  name: 'disk-full-under-the-delivery-record',
  tools: TOOLS,
  run: async (stage) => {
    const volume = Volume.tmpfs(stage.scope, { mebibytes: 2 });
    const receiver = stage.receiver({ config: { deduplication: { path: path.join(volume.path, 'record') } } });
    return await through(stage, volume, receiver, { component: 'delivery-record', begin: () => volume.fill(), end: () => volume.free() });
  },
};

const noInodes: Fault = {
  name: 'inodes-exhausted',
  tools: TOOLS,
  run: async (stage) => {
    const volume = Volume.tmpfs(stage.scope, { mebibytes: 64, inodes: 4000 });
    return await through(stage, volume, receiverOn(stage, volume), {
      component: 'incoming',
      begin: () => volume.fillInodes(),
      end: () => volume.free(),
    });
  },
};

const readOnly: Fault = {
  name: 'incoming-read-only',
  tools: TOOLS,
  run: async (stage) => {
    const volume = Volume.tmpfs(stage.scope, { mebibytes: 64 });
    return await through(stage, volume, receiverOn(stage, volume), {
      component: 'incoming',
      begin: () => volume.readOnly(true),
      end: () => volume.readOnly(false),
    });
  },
};

export const DISK_FAULTS: readonly Fault[] = [fullUnderIncoming, fullUnderStaging, fullUnderRecord, noInodes, readOnly];
