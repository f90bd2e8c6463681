import assert from 'node:assert/strict';
import { linkSync, mkdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHealth, createLogger, type Health } from '@ssm/service-kit';
import { createOutgoingQueue, type OutgoingQueue, type Scan } from '@ssm/spool';
import { addElement, eventually, type Scope, temporaryDirectory } from '@ssm/test-support';
import { ElementBackoff } from '../src/backoff.js';
import { QueueDepth } from '../src/depth.js';
import { InFlight } from '../src/in-flight.js';
import { elements, type Pass, type PassSources } from '../src/passes.js';
import { stageTiming } from '../src/stage-timing.js';
import { VolumeState } from '../src/volume.js';
import { Wake } from '../src/wake.js';
import { watchedQueue } from '../src/watched-queue.js';

interface Bench extends PassSources {
  readonly root: string;
  readonly stop: AbortController;
  readonly health: Health;
  readonly passes: Pass[];
  /** Scans begun. */
  readonly scans: () => number;
}

const LOGGER = { service: 'test', instance: 'test', level: 'error', format: 'json' } as const;
const silent = { write: () => undefined, dropped: 0, flush: () => Promise.resolve() };

async function createBench(scope: Scope, more: Partial<PassSources> = {}): Promise<Bench> {
  const root = path.join(temporaryDirectory(scope), 'outgoing');
  mkdirSync(root);
  const real = createOutgoingQueue({ path: root, layout: 'dirq', instance: 'bench' });
  await real.start();
  let scans = 0;
  const queue: OutgoingQueue = {
    path: root,
    start: () => real.start(),
    claim: (name) => real.claim(name),
    purge: () => real.purge(),
    quarantineDepth: () => real.quarantineDepth(),
    scan: (signal, read): Scan => {
      scans += 1;
      return real.scan(signal, read);
    },
  };
  const stop = new AbortController();
  scope.after(() => stop.abort());
  const health = createHealth({ stuckAfterMs: 1000 });
  const passes: Pass[] = [];
  return {
    root,
    stop,
    health,
    passes,
    scans: () => scans,
    queue,
    inFlight: new InFlight(),
    backoff: new ElementBackoff({ initialMs: 300, maximumMs: 300, capacity: 100, now: Date.now, date: () => new Date(), random: () => 1 }),
    depth: new QueueDepth(queue, () => performance.now()),
    volume: new VolumeState(health, createLogger({ ...LOGGER, output: silent })),
    wake: new Wake(),
    begin: () => Promise.resolve(),
    closed: () => undefined,
    gone: () => 0,
    completed: () => undefined,
    scanIntervalMs: 60_000,
    stopping: stop.signal,
    finished: (pass) => {
      passes.push(pass);
      return Promise.resolve(false);
    },
    ...more,
  };
}

function volumeOf({ health }: Bench): { readonly ready: boolean; readonly reason?: string } | undefined {
  const { outgoing } = health.ready().components;
  return outgoing;
}

/** The next name; undefined when none comes in time. */
async function next(names: AsyncGenerator<string>, ms = 5000): Promise<string | undefined> {
  const { value } = await Promise.race([names.next(), sleep(ms, { done: true, value: undefined }, { ref: false })]);
  return value ?? undefined;
}

describe('elements', () => {
  it('gives the oldest first, and each once a pass', async (t) => {
    const bench = await createBench(t);
    const now = Date.now();
    const names = [5, 3, 1].map((minutes) => addElement(bench.root, 'x', new Date(now - minutes * 60_000)));
    const source = elements(bench);
    assert.deepEqual([await next(source), await next(source), await next(source)], names);
    assert.equal(await next(source, 300), undefined);
    assert.deepEqual(bench.passes[0]?.statistics, { available: 3, locked: 0, ignored: 0, oldest: bench.passes[0]?.statistics?.oldest });
  });

  it('reads no further than what is asked for', async (t) => {
    const bench = await createBench(t);
    const now = Date.now();
    for (let minute = 0; minute < 30; minute += 1) addElement(bench.root, 'x', new Date(now - minute * 60_000));
    let seen: Scan | undefined;
    const queue: OutgoingQueue = { ...bench.queue, scan: (signal) => (seen = bench.queue.scan(signal)) };
    const source = elements({ ...bench, queue });
    await next(source);
    await next(source);
    assert.ok((seen?.statistics.available ?? 0) <= 3);
  });

  it('knows how much waits as soon as it has read the last directory', async (t) => {
    let gone = 0;
    const bench = await createBench(t, { gone: () => gone });
    const leave = (): void => {
      gone += 1;
      bench.depth.left();
    };
    addElement(bench.root, 'x', new Date(Date.now() - 60_000));
    for (let count = 0; count < 5; count += 1) addElement(bench.root, 'x');
    const source = elements(bench);
    await next(source);
    assert.equal(bench.depth.depth, 0, 'not yet');
    leave();
    await next(source);
    assert.equal(bench.depth.depth, 5);
    leave();
    assert.equal(bench.depth.depth, 4);
    assert.deepEqual(bench.passes, []);
  });

  it('does not look again and again when it found only locked elements', async (t) => {
    const bench = await createBench(t);
    const file = path.join(bench.root, addElement(bench.root, 'x'));
    linkSync(file, `${file}.lck`);
    const source = elements(bench);
    assert.equal(await next(source, 500), undefined);
    assert.equal(bench.scans(), 1);
    assert.equal(bench.depth.locked, 1);
  });

  it('looks at once when the bell rings, but not more often than it may', async (t) => {
    const bench = await createBench(t);
    const source = elements(bench);
    const first = next(source);
    await sleep(150);
    const name = addElement(bench.root, 'x');
    bench.wake.ring();
    assert.equal(await first, name);
    const ringing = setInterval(() => bench.wake.ring(), 1);
    const [before, start] = [bench.scans(), performance.now()];
    assert.equal(await next(source), name, 'it was not claimed, so it is there in the next pass');
    void next(source, 10);
    await sleep(500);
    clearInterval(ringing);
    assert.ok(bench.scans() - before <= (performance.now() - start) / 100 + 1);
  });

  it('leaves out what is on its way, and what waits for its next try', async (t) => {
    const bench = await createBench(t);
    const [first, second, third] = [1, 2, 3].map(() => addElement(bench.root, 'x'));
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    bench.inFlight.enter(first);
    bench.backoff.failed(second);
    const source = elements(bench);
    assert.equal(await next(source), third);
    assert.equal(await next(source), second, 'as soon as its time has come, whatever the scan interval');
    assert.equal(bench.passes[0]?.waiting, 1);
  });

  it('gives a name that the directory shows twice once', async (t) => {
    const bench = await createBench(t);
    const scan = (signal?: AbortSignal): Scan => ({ ...bench.queue.scan(signal), names: Readable.from([['a', 'a', 'b']]) });
    const source = elements({ ...bench, queue: { ...bench.queue, scan } });
    assert.equal(await next(source), 'a');
    bench.inFlight.enter('a');
    assert.equal(await next(source), 'b');
  });

  it('leaves alone what failed too often, in a run that ends', async (t) => {
    const bench = await createBench(t, { attempts: 1 });
    bench.backoff.failed(addElement(bench.root, 'x'));
    const other = addElement(bench.root, 'x');
    assert.equal(await next(elements(bench)), other);
  });

  it('passes again at once after a pass from which something left, and no sooner otherwise', async (t) => {
    let gone = 0;
    const bench = await createBench(t, { gone: () => gone });
    addElement(bench.root, 'x');
    const source = elements(bench);
    await next(source);
    gone += 1;
    assert.notEqual(await next(source, 2000), undefined);
    assert.equal(await next(source, 300), undefined);
  });

  it('gives nothing while nothing may be sent, and stops in the middle of a pass', async (t) => {
    let reason: string | undefined = 'no broker';
    const bench = await createBench(t, { closed: () => reason });
    for (let count = 0; count < 5; count += 1) addElement(bench.root, 'x');
    const source = elements(bench);
    const first = next(source);
    await eventually(() => assert.equal(bench.depth.depth, 5, 'but it is counted'));
    reason = undefined;
    bench.wake.ring();
    assert.notEqual(await first, undefined);
    reason = 'no broker';
    assert.equal(await next(source, 300), undefined);
    assert.equal(bench.passes.at(-1)?.whole, false);
  });

  it('waits a moment for leave to send before it counts a backlog', async (t) => {
    let open = false;
    let asked = 0;
    const closed = (): string | undefined => {
      asked += 1;
      return open ? undefined : 'no broker';
    };
    const bench = await createBench(t, { closed });
    for (let count = 0; count < 5; count += 1) addElement(bench.root, 'x');
    const start = performance.now();
    const first = next(elements(bench));
    for (let count = 0; count < 50; count += 1) {
      await sleep(3);
      bench.wake.ring();
    }
    assert.ok(asked < 20, `${asked} times`);
    open = true;
    bench.wake.ring();
    assert.notEqual(await first, undefined);
    assert.equal(bench.scans(), 1, 'only the pass itself');
    assert.ok(performance.now() - start < 900, 'as soon as it may');
  });

  it('does not count a backlog to its end when sending may begin meanwhile', async (t) => {
    let asked = 0;
    const bench = await createBench(t, {
      closed: () => {
        asked += 1;
        if (asked === 4) bench.wake.ring();
        return asked < 4 ? 'no broker' : undefined;
      },
    });
    for (let count = 0; count < 500; count += 1) addElement(bench.root, 'x');
    const scans: Scan[] = [];
    const scan = (signal?: AbortSignal): Scan => {
      scans.push(bench.queue.scan(signal));
      return scans.at(-1)!;
    };
    assert.notEqual(
      await next(elements({ ...bench, queue: { ...bench.queue, scan }, depth: new QueueDepth({ ...bench.queue, scan }, () => 0) })),
      undefined,
    );
    assert.equal(scans.length, 2);
    assert.ok((scans[0]?.statistics.available ?? 500) < 300, 'the count went on');
  });

  it('is not ready while the volume cannot be read, and goes on when it can', async (t) => {
    const bench = await createBench(t, { scanIntervalMs: 50 });
    const away = `${bench.root}-away`;
    renameSync(bench.root, away);
    const source = elements(bench);
    const start = performance.now();
    const first = next(source);
    await eventually(() => assert.ok(volumeOf(bench)?.ready === false && bench.scans() > 2));
    assert.ok(bench.scans() <= (performance.now() - start) / 100 + 1, 'without haste');
    renameSync(away, bench.root);
    const name = addElement(bench.root, 'x');
    assert.equal(await first, name);
    void next(source, 10);
    await eventually(() => assert.equal(volumeOf(bench)?.ready, true));
  });

  it('is not ready while the volume gives no answer, sending or not, and goes on by itself', async (t) => {
    for (const closed of [undefined, 'no broker']) {
      const bench = await createBench(t);
      const volume = new VolumeState(bench.health, createLogger({ ...LOGGER, output: silent }), { silentMs: 120 });
      const name = addElement(bench.root, 'x');
      const disk = { hangs: true };
      const hanging: OutgoingQueue = {
        ...bench.queue,
        scan: (signal, read): Scan => {
          const scan = bench.queue.scan(signal, read);
          const names = async function* (): AsyncGenerator<readonly string[]> {
            while (disk.hangs) await sleep(5);
            yield* scan.names;
          };
          return { ...scan, names: names() };
        },
      };
      const queue = watchedQueue(hanging, volume.answers);
      const depth = new QueueDepth(queue, () => performance.now());
      const source = elements({ ...bench, queue, volume, depth, closed: () => (disk.hangs ? closed : undefined) });
      const first = next(source);
      await eventually(() => assert.equal(volumeOf(bench)?.reason, 'no answer from the volume for 60 s'));
      assert.equal(volume.troubled, false, 'nothing failed');
      disk.hangs = false;
      bench.wake.ring();
      assert.equal(await first, name);
      assert.equal(volumeOf(bench)?.ready, true);
      bench.stop.abort();
    }
  });

  it('is not ready while a claim gets no answer', async (t) => {
    const bench = await createBench(t);
    const volume = new VolumeState(bench.health, createLogger({ ...LOGGER, output: silent }), { silentMs: 120 });
    const answers: (() => void)[] = [];
    const hanging = new Promise<void>((resolve) => {
      answers.push(resolve);
    });
    const claim: OutgoingQueue['claim'] = async (name) => {
      await hanging;
      return await bench.queue.claim(name);
    };
    const measured: string[] = [];
    const timed = stageTiming({ volume, health: bench.health, observe: (stage) => void measured.push(stage) });
    const claimed = timed('claim', claim(addElement(bench.root, 'x')));
    // The volume can be looked at all the while.
    const source = elements({ ...bench, volume, scanIntervalMs: 20 });
    await eventually(async () => {
      await next(source, 50);
      assert.equal(volumeOf(bench)?.reason, 'no answer from the volume for 60 s');
    });
    assert.deepEqual(measured, []);
    answers[0]?.();
    assert.notEqual(await claimed, undefined);
    assert.deepEqual(measured, ['claim']);
    assert.equal(volumeOf(bench)?.ready, true);
  });

  it('is ready while a pass moves on, however long it finds nothing', async (t) => {
    const bench = await createBench(t);
    const volume = new VolumeState(bench.health, createLogger({ ...LOGGER, output: silent }), { silentMs: 60 });
    volume.scanned();
    const slow: OutgoingQueue = {
      ...bench.queue,
      scan: (): Scan => {
        const scan = { answers: 0, statistics: { available: 0, locked: 0, ignored: 0, oldest: undefined } };
        const names = async function* (): AsyncGenerator<readonly string[]> {
          for (; scan.answers < 60; scan.answers += 1) await sleep(5);
          yield ['x'];
        };
        return Object.assign(scan, { names: names() });
      },
    };
    const states: (boolean | undefined)[] = [];
    const looking = setInterval(() => states.push(volumeOf(bench)?.ready), 5);
    assert.equal(await next(elements({ ...bench, volume, queue: watchedQueue(slow, volume.answers) })), 'x');
    clearInterval(looking);
    assert.deepEqual(new Set(states), new Set([true]));
  });

  it('goes slowly while many in a row fail, and fast again when one works', async (t) => {
    const bench = await createBench(t);
    for (let count = 0; count < 40; count += 1) addElement(bench.root, 'x');
    const source = elements(bench);
    for (let count = 0; count < 20; count += 1) {
      assert.notEqual(await next(source), undefined);
      bench.volume.elementFailed(new Error('permission denied'));
    }
    assert.equal(volumeOf(bench)?.reason, 'permission denied');
    const start = performance.now();
    for (let count = 0; count < 5; count += 1) await next(source);
    assert.ok(performance.now() - start >= 5 * 45);
    bench.volume.elementWorked();
    assert.equal(volumeOf(bench)?.ready, true);
  });

  it('does not take what cannot be removed for the end of the trouble', async (t) => {
    const bench = await createBench(t);
    bench.inFlight.enter(addElement(bench.root, 'x'));
    for (let count = 0; count < 20; count += 1) bench.volume.elementFailed(new Error('read-only'));
    const source = elements(bench);
    void next(source, 10);
    await eventually(() => assert.equal(bench.passes.length, 1));
    assert.equal(volumeOf(bench)?.reason, 'read-only');
  });

  it('ends when the service stops, also from a wait', async (t) => {
    const bench = await createBench(t);
    const source = elements(bench);
    const ended = source.next();
    await sleep(50);
    bench.stop.abort();
    assert.equal((await ended).done, true);
  });
});
