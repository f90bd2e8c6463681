import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Disturbance } from '../stage/disturbances.js';
import { seeded } from '../stage/seeded.js';
import type { Stage } from '../stage/stage.js';
import { bodyOf, LARGEST } from './bodies.js';
import { Conductor } from './conductor.js';
import { Lanes } from './lanes.js';
import { type MenuItem, type Step, stepsOf } from './menu.js';

function item(name: string, more: Partial<MenuItem> = {}): MenuItem {
  const disturbance: Disturbance = { name, begin: () => Promise.resolve(() => Promise.resolve()) };
  return { disturbance, lane: 'network', lasts: [1, 2], cards: 2, ...more };
}

const PACK = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => item(name));

function first(count: number, seed: string): string[] {
  const steps = stepsOf(PACK, seeded(seed));
  return Array.from({ length: count }, () => {
    const { item: dealt, pauseMs, lastsMs } = steps.next().value;
    assert.ok(pauseMs > 0 && lastsMs >= 1000 && lastsMs <= 2000);
    return `${dealt.disturbance.name} ${pauseMs} ${lastsMs}`;
  });
}

describe('the plan of a soak', () => {
  it('is the same for the same seed, and another for another', () => {
    assert.deepEqual(first(50, 'one'), first(50, 'one'));
    assert.notDeepEqual(first(50, 'one'), first(50, 'two'));
  });

  it('deals the whole pack before anything comes more often than it is in there', () => {
    const names = first(12, 'any').map((step) => step.split(' ')[0]);
    for (const { disturbance } of PACK) assert.equal(names.filter((name) => name === disturbance.name).length, 2);
  });
});

describe('the files of a soak', () => {
  it('are the same for the same seed', () => {
    for (let index = 0; index < 50; index += 1) assert.deepEqual(bodyOf('one', index), bodyOf('one', index));
    assert.ok(Array.from({ length: 50 }, (_, index) => index).some((index) => !bodyOf('one', index).equals(bodyOf('two', index))));
  });

  it('go from nothing to a megabyte, of any bytes, and some are the same', () => {
    const bodies = Array.from({ length: 1000 }, (_, index) => bodyOf('sizes', index));
    const sizes = bodies.map((body) => body.length);
    assert.equal(Math.min(...sizes), 0);
    assert.equal(Math.max(...sizes), LARGEST);
    assert.ok(sizes.every((size) => size <= LARGEST));
    const all = Buffer.concat(bodies.filter((body) => body.length < 10_000));
    assert.equal(new Set(all).size, 256, 'every byte occurs');
    for (const text of ['multipart/signed', '\r\n', '\0nul\0', ' \t \n\n']) assert.ok(all.includes(text), JSON.stringify(text));
    const same = bodies.filter((body) => body.equals(Buffer.from('the same in many files\n')));
    assert.ok(same.length > 5);
  });
});

/** Nothing of it is used by faults of the tests. */
const STAGE = { slots: [] } as unknown as Stage;

describe('the conductor', () => {
  it('has one fault at a time on a lane, three together, and ends them all', async () => {
    const on = new Set<string>();
    let most = 0;
    const watched = (name: string, lane: MenuItem['lane']): MenuItem =>
      item(name, {
        lane,
        disturbance: {
          name,
          begin: () => {
            assert.ok(!on.has(lane), 'two on one lane');
            on.add(lane);
            most = Math.max(most, on.size);
            return Promise.resolve(() => {
              on.delete(lane);
              return Promise.resolve();
            });
          },
        },
      });
    const pack = (['network', 'broker', 'trust', 'sender', 'volume'] as const).flatMap((lane) => [
      watched(`${lane}-1`, lane),
      watched(`${lane}-2`, lane),
    ]);
    const random = seeded('conductor');
    const steps = (function* (): Generator<Step, never> {
      for (;;) yield { item: random.pick(pack), pauseMs: 1, lastsMs: 30 };
    })();
    const conductor = new Conductor(STAGE, new Lanes(), steps);
    await conductor.run(AbortSignal.timeout(600));
    assert.equal(on.size, 0);
    assert.equal(most, 3);
    assert.deepEqual(conductor.now, []);
    assert.deepEqual(conductor.failures, []);
    assert.ok(conductor.total > 10);
    assert.equal(
      [...conductor.counts.values()].reduce((sum, count) => sum + count, 0),
      conductor.total,
    );
  });

  it('notes what cannot be begun or ended, and goes on', async () => {
    const fails = item('fails', { disturbance: { name: 'fails', begin: () => Promise.reject(new Error('no such thing')) } });
    const stays = item('stays', {
      disturbance: { name: 'stays', begin: () => Promise.resolve(() => Promise.reject(new Error('it stays'))) },
    });
    const plan = [fails, stays];
    let at = 0;
    const steps: Iterator<Step, never> = {
      next: () => {
        at += 1;
        return { done: false, value: { item: plan[at % 2] ?? fails, pauseMs: at > 2 ? 10_000 : 1, lastsMs: 1 } };
      },
    };
    const conductor = new Conductor(STAGE, new Lanes(), steps);
    await conductor.run(AbortSignal.timeout(300));
    assert.deepEqual(conductor.failures.toSorted(), ['fails could not be begun: no such thing', 'stays could not be ended: it stays']);
  });
});

describe('lanes', () => {
  it('are given to one at a time, in the order of asking', async () => {
    const lanes = new Lanes();
    const seen: number[] = [];
    const use = async (index: number): Promise<void> => {
      const leave = await lanes.take('broker');
      seen.push(index);
      assert.equal(lanes.isFree('broker'), false);
      await sleep(2);
      seen.push(index);
      leave();
    };
    await Promise.all([use(1), use(2), use(3)]);
    assert.deepEqual(seen, [1, 1, 2, 2, 3, 3]);
    assert.equal(lanes.isFree('broker'), true);
  });
});
