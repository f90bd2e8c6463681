/** What the tests run in processes of their own: node worker.js JSON. Prints one line for each thing that it did. */
import { symlink } from 'node:fs/promises';
import process from 'node:process';
import { NormalQueue } from '../src/normal-queue.js';
import { NormalReader } from '../src/normal-reader.js';
import type { Checkpoint, OutgoingOptions } from '../src/options.js';
import { PlainDirectory } from '../src/plain-directory.js';
import { SimpleQueue } from '../src/simple-queue.js';
import { SimpleWriter } from '../src/simple-writer.js';
import type { FileModes, OutgoingQueue } from '../src/spool.js';
import { receive } from './receiving.js';
import { addTo, eachName } from './support.js';

export interface Task {
  readonly work: keyof typeof WORK;
  readonly root: string;
  readonly instance?: string;
  readonly layout?: OutgoingOptions['layout'];
  /** Kill ourselves here. */
  readonly killAt?: string;
  readonly ids?: readonly string[];
  readonly count?: number;
  readonly modes?: FileModes;
  readonly umask?: number;
}

const task: Task = JSON.parse(process.argv[2] ?? '{}');

const checkpoint: Checkpoint = async (point) => {
  if (point !== task.killAt) return;
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => setInterval(() => undefined, 1000));
};

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function outgoing(): Promise<OutgoingQueue> {
  const { root: path, instance = 'worker', layout = 'dirq', modes = {} } = task;
  const options = { path, instance, layout, modes, stabilityMs: 0 };
  const queue = layout === 'dirq' ? new SimpleQueue(options, checkpoint) : new PlainDirectory(options, checkpoint);
  const { freed } = await queue.start();
  say(`started, freed ${freed}`);
  return queue;
}

/** Sends everything until there is nothing for so many passes; a claim of each ended as `end` says. */
async function drain(end: 'remove' | 'quarantine' | 'release'): Promise<void> {
  const queue = await outgoing();
  for (let empty = 0; empty < 3; ) {
    empty += 1;
    for await (const name of eachName(queue.scan())) {
      const claim = await queue.claim(name);
      if (claim === undefined) continue;
      await checkpoint('claimed');
      empty = 0;
      const { body } = await claim.read(1000);
      if (end === 'quarantine') await claim.quarantine({ code: 'x', message: 'y', at: new Date() });
      else if (end === 'release') return await claim.release();
      else await claim.remove();
      say(`sent ${Buffer.from(body).toString()}`);
    }
    await queue.purge();
  }
  await queue.close?.();
}

async function add(): Promise<void> {
  const { root: path, count = 1, modes = {} } = task;
  const writer = new SimpleWriter({ path, modes }, checkpoint);
  for (let index = 0; index < count; index += 1) say(`added ${await writer.add(Buffer.from(`${task.instance ?? ''}${index}`))}`);
}

async function addNormal(): Promise<void> {
  const { root: path, count = 1, modes = {} } = task;
  const queue = new NormalQueue({ path, instance: `adder-${process.pid}`, modes, directorySize: 5 });
  await queue.start();
  for (let index = 0; index < count; index += 1)
    say(`added ${await addTo(queue, { body: `${task.instance ?? ''}${index}`, signer: 'us' })}`);
}

/** Without a probe first. */
async function commitNormal(): Promise<void> {
  const queue = new NormalQueue({ path: task.root, instance: 'committer' });
  await queue.prepare();
  say(`added ${await addTo(queue, { body: 'x' })}`);
}

/** Takes `count` elements. */
async function takeNormal(): Promise<void> {
  const reader = new NormalReader({ path: task.root });
  for (let taken = 0; taken < (task.count ?? 1); ) {
    for await (const name of reader.names()) {
      if (!(await reader.lock(name))) continue;
      const record = await reader.get(name);
      await reader.remove(name);
      taken += 1;
      say(`taken ${Buffer.from(record.get('body') ?? []).toString()}`);
    }
    await reader.purge();
  }
}

/** Quarantines whatever cannot be read. */
async function quarantineUnread(): Promise<void> {
  const queue = await outgoing();
  for await (const name of eachName(queue.scan())) {
    const claim = await queue.claim(name);
    try {
      await claim?.read(1000);
      await claim?.release();
    } catch {
      await claim?.quarantine({ code: 'x', message: 'y', at: new Date() });
      say(`quarantined ${name}`);
    }
  }
}

/** What a hostile writer does. */
async function link(): Promise<void> {
  const [target = '', name = ''] = task.ids ?? [];
  await symlink(target, `${task.root}/${name}`);
}

/** Starts, says so, and stays. */
async function stay(): Promise<void> {
  const queue = await outgoing();
  for await (const name of eachName(queue.scan())) if ((await queue.claim(name)) !== undefined) say(`claimed ${name}`);
  say('staying');
  await new Promise(() => setInterval(() => undefined, 1000));
}

const WORK = {
  send: () => drain('remove'),
  quarantine: () => drain('quarantine'),
  release: () => drain('release'),
  receive: () => receive({ instance: String(process.pid), ids: [], ...task, checkpoint, say }),
  add,
  addNormal,
  commitNormal,
  takeNormal,
  quarantineUnread,
  symlink: link,
  stay,
};

if (task.umask !== undefined) process.umask(task.umask);
try {
  await WORK[task.work]();
  say('done');
} catch (error) {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  say(`failed ${code}: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
