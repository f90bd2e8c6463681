// The protocol between volumes in many orders: processes on two volumes have copies of one message, one step is done at a time, in an order
// that comes from a seed, and each process is killed before each of its steps. The functions are the receiver's own, on real files; only the
// server is a stand-in, since a real one cannot be told to wait. A failure names the story, which can be told again.
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import process from 'node:process';
import { describe, it } from 'node:test';
import { type MemoryClaims, type Scope, temporaryDirectory } from '@ssm/test-support';
import { finishRecorded } from '../src/recovery.js';
import { shelve } from '../src/shelf.js';
import { createClaims, createSharedShelf, elementsOf, replacing, type SharedShelf, startShelf } from './support/bench.js';

// Thousands of syncs that nobody needs.
if (existsSync('/dev/shm')) process.env['TMPDIR'] = '/dev/shm';

const { signal } = new AbortController();
const MAXIMUM_STEPS = 400;
/** Steps of a message: all kills are before one of these. */
const STEPS = 7;
const SEEDS = 3;
/** What the server does for a message; the others are of the start. */
const GATED = new Set(['claim', 'stored', 'confirm']);

/** Small and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A process that waits before each step until it is let go. */
class Worker {
  readonly name: string;
  state: 'working' | 'waiting' | 'done' | 'dead' = 'working';
  readonly #killAt: number | undefined;
  readonly #story: string[];
  #steps = 0;
  #go: () => void = () => undefined;
  #arrive: () => void = () => undefined;

  constructor(name: string, killAt: number | undefined, story: string[]) {
    this.name = name;
    this.#killAt = killAt;
    this.#story = story;
  }

  async gate(step: string): Promise<void> {
    this.#steps += 1;
    if (this.#steps === this.#killAt) {
      this.#story.push(`${this.name} killed before ${step}`);
      this.#stop('dead');
      await new Promise(() => undefined);
    }
    const released = new Promise<void>((resolve) => (this.#go = resolve));
    this.#stop('waiting');
    await released;
    this.#story.push(`${this.name} ${step}`);
  }

  #stop(state: 'waiting' | 'done' | 'dead'): void {
    this.state = state;
    this.#arrive();
  }

  /** Resolves when it waits again, or has ended. */
  async #run(work: () => void): Promise<void> {
    this.state = 'working';
    const arrived = new Promise<void>((resolve) => (this.#arrive = resolve));
    work();
    await arrived;
  }

  begin(work: () => Promise<void>): Promise<void> {
    const failed = (error: unknown): void => void this.#story.push(`${this.name} failed: ${String(error)}`);
    return this.#run(
      () =>
        void work()
          .catch(failed)
          .then(() => this.#stop('done')),
    );
  }

  step(): Promise<void> {
    return this.#run(() => this.#go());
  }
}

interface Plan {
  readonly id: string;
  readonly seed: number;
  /** Which volume each process is on, and before which of its steps it is killed (0: never). */
  readonly processes: readonly { readonly volume: 0 | 1; readonly killAt: number }[];
  /** This volume is lost with its first kill, until all others are done; when they wait for it, an operator adopts it. */
  readonly lost?: 0 | 1;
}

interface Told {
  /** Copies in both volumes. */
  readonly copies: number;
  /** Times that somebody said that it is in both. */
  readonly twice: number;
  readonly story: readonly string[];
}

class World {
  readonly roots: readonly [string, string];
  readonly claims: MemoryClaims;
  #current: Worker | undefined;
  #twice = 0;
  #story: string[] = [];

  constructor(scope: Scope) {
    this.roots = [temporaryDirectory(scope), temporaryDirectory(scope)];
    this.claims = createClaims(async (step) => {
      if (GATED.has(step)) await this.#current?.gate(`server ${step}`);
    });
  }

  /** As a receiver does: recovery, then the message, then its acknowledgement. */
  async #receive(id: string, root: string, worker: Worker): Promise<void> {
    const shelf = createSharedShelf({ claims: this.claims, root, pause: () => worker.gate('wait') });
    const { queue } = await startShelf(shelf);
    const gated = replacing(queue, {
      stage: (element) => worker.gate('stage').then(() => queue.stage(element)),
      commit: (staged) => worker.gate('commit').then(() => queue.commit(staged)),
      discard: (staged) => worker.gate('discard').then(() => queue.discard(staged)),
    });
    const slow: SharedShelf = { ...shelf, queue: gated };
    this.#twice += (await finishRecorded(slow, signal)).twice;
    const shelved = await shelve(slow, id, { body: id }, async (_stage, work) => work());
    if (shelved.outcome === 'stored' && shelved.alsoIn !== undefined) this.#twice += 1;
    await worker.gate('acknowledge');
    await shelf.record.confirm(shelved.recordId);
  }

  async #begin({ id, processes }: Plan, index: number, round: string, killAt: number): Promise<{ index: number; worker: Worker }> {
    const worker = new Worker(`p${index}${round}`, killAt === 0 ? undefined : killAt, this.#story);
    this.#current = worker;
    const root = this.roots[processes[index]?.volume ?? 0];
    await worker.begin(() => this.#receive(id, root, worker));
    return { index, worker };
  }

  async #adopt(lost: 0 | 1): Promise<void> {
    this.#current = undefined;
    const [gone, heir] = [lost, lost === 0 ? 1 : 0].map((volume) =>
      createSharedShelf({ claims: this.claims, root: this.roots[volume] ?? '' }),
    );
    const name = await gone?.record.sharing.volumes.own();
    this.#story.push(`adopted ${await heir?.record.sharing.volumes.adopt(name ?? '')}`);
  }

  /** Lets one process after the other do a step, in the order that the seed gives, until all have acknowledged. */
  async tell(plan: Plan): Promise<Told> {
    [this.#story, this.#twice] = [[], 0];
    const random = randomFrom(plan.seed);
    let running = [];
    for (const [index, { killAt }] of plan.processes.entries()) running.push(await this.#begin(plan, index, '', killAt));
    const lost: number[] = [];
    for (let steps = 0; ; steps += 1) {
      assert.ok(steps < MAXIMUM_STEPS, `it does not end:\n${this.#story.slice(-30).join('\n')}`);
      const dead = running.filter(({ worker }) => worker.state === 'dead');
      running = running.filter(({ worker }) => worker.state === 'waiting');
      for (const { index } of dead)
        if (plan.processes[index]?.volume === plan.lost) lost.push(index);
        else running.push(await this.#begin(plan, index, ' again', 0));
      if (steps === MAXIMUM_STEPS / 2 && plan.lost !== undefined) await this.#adopt(plan.lost);
      if (running.length === 0) {
        const index = lost.shift();
        if (index === undefined) break;
        running.push(await this.#begin(plan, index, ' back', 0));
        continue;
      }
      this.#current = running[Math.floor(random() * running.length)]?.worker;
      await this.#current?.step();
    }
    return { copies: this.#taken(plan.id), twice: this.#twice, story: this.#story };
  }

  /** Counts as two loaders do: what is there is taken away. */
  #taken(id: string): number {
    const queues = this.roots.map((root) => `${root}/incoming`);
    const bodies = queues.flatMap((queue) => elementsOf(queue).map(({ body }) => body));
    for (const queue of queues) rmSync(`${queue}/00000000`, { recursive: true, force: true });
    for (const body of bodies) assert.equal(body, id);
    return bodies.length;
  }
}

function* upTo(last: number): Generator<number> {
  for (let number = 0; number <= last; number += 1) yield number;
}

describe('two volumes with copies of one message', () => {
  for (const replicas of [1, 2])
    it(`store it once, whoever is killed before which step (${replicas} on the first, one on the second)`, async (t) => {
      const world = new World(t);
      for (const first of upTo(STEPS))
        for (const last of upTo(STEPS))
          for (const seed of upTo(SEEDS)) {
            const id = `${first}-${last}-${seed}`;
            const middle = replicas === 1 ? [] : [{ volume: 0, killAt: (first + last + seed) % STEPS } as const];
            const processes = [{ volume: 0, killAt: first } as const, ...middle, { volume: 1, killAt: last } as const];
            const { story, ...told } = await world.tell({ id, seed: seed * 1000 + first * 10 + last, processes });
            assert.deepEqual(
              { ...told, lasting: world.claims.lasting },
              { copies: 1, twice: 0, lasting: 0 },
              `${id}:\n${story.join('\n')}`,
            );
          }
    });

  it('never lose it when one is lost and adopted, and have it twice only where the lost one had shown it, and say so', async (t) => {
    const world = new World(t);
    let [once, twice] = [0, 0];
    for (const killAt of upTo(STEPS))
      for (const seed of upTo(SEEDS * 2)) {
        const id = `${killAt}-${seed}`;
        const processes = [{ volume: 0, killAt } as const, { volume: 1, killAt: 0 } as const];
        const { story, ...told } = await world.tell({ id, seed: seed * 100 + killAt, processes, lost: 0 });
        const isShownByLost = story.includes('p0 commit') && story.includes('p1 commit');
        const expected = isShownByLost ? { copies: 2, twice: 1 } : { copies: 1, twice: 0 };
        assert.deepEqual({ ...told, lasting: world.claims.lasting }, { ...expected, lasting: 0 }, `${id}:\n${story.join('\n')}`);
        if (isShownByLost) twice += 1;
        else once += 1;
      }
    assert.ok(once > 10 && twice > 2, `${once} and ${twice} stories`);
  });
});
