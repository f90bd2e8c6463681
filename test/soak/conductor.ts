import { setTimeout as sleep } from 'node:timers/promises';
import { heard } from '../stage/slot.js';
import type { Stage } from '../stage/stage.js';
import type { Lanes } from './lanes.js';
import type { MenuItem, Step } from './menu.js';

/** More would leave no time in which anything works. */
const AT_ONCE = 3;
/** Faults are remembered so long after their end, as the reason of what happened in it. */
const AFTERMATH_MS = 15_000;
const MOST_WAIT_MS = 3000;
const WORK_LOOK_MS = 2;

interface Done {
  readonly item: MenuItem;
  to: number;
}

/** Brings the faults of a plan over a stage, in its order. */
export class Conductor {
  /** How often each fault came. */
  readonly counts = new Map<string, number>();
  /** What could not be done or undone, which fails the soak. */
  readonly failures: string[] = [];
  readonly #stage: Stage;
  readonly #lanes: Lanes;
  readonly #steps: Iterator<Step, never>;
  readonly #done: Done[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(stage: Stage, lanes: Lanes, steps: Iterator<Step, never>) {
    this.#stage = stage;
    this.#lanes = lanes;
    this.#steps = steps;
  }

  /** Names of the faults that are on. */
  get now(): string[] {
    return this.#done.filter(({ to }) => to === Number.POSITIVE_INFINITY).map(({ item }) => item.disturbance.name);
  }

  get total(): number {
    return this.#done.length;
  }

  /** Whether between then and now there was a fault in which a service may refuse to start. */
  explainsRefusal(since: number): boolean {
    return this.#done.some(({ item, to }) => item.refusesStart === true && to + AFTERMATH_MS > since);
  }

  /** Until the signal aborts; resolves when everything is healed. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const step = this.#steps.next().value;
      await pause(step.pauseMs, signal);
      while (this.#running.size >= AT_ONCE) await Promise.race(this.#running);
      const leave = await this.#lanes.take(step.item.lane);
      await atWork(this.#stage, step.item.during);
      if (signal.aborted) leave();
      else this.#begin(step, leave, signal);
    }
    await Promise.all(this.#running);
  }

  /** It chooses its victim before it does anything else, so that the same seed chooses the same ones. */
  #begin(step: Step, leave: () => void, signal: AbortSignal): void {
    const { name } = step.item.disturbance;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    const done: Done = { item: step.item, to: Number.POSITIVE_INFINITY };
    this.#done.push(done);
    const holding = this.#hold(step, signal).finally(() => {
      done.to = performance.now();
      leave();
      this.#running.delete(holding);
    });
    this.#running.add(holding);
  }

  async #hold({ item, lastsMs }: Step, signal: AbortSignal): Promise<void> {
    const { begin, name } = item.disturbance;
    const heal = await this.#tried(`${name} could not be begun`, () => begin(this.#stage));
    await pause(lastsMs, signal);
    await this.#tried(`${name} could not be ended`, async () => {
      await heal?.();
      await Promise.all(this.#stage.slots.map(heard));
    });
  }

  async #tried<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }
}

/** Resolves as soon as one of them says something, which they do after each message; soon in any case. */
async function atWork({ slots }: Stage, who: MenuItem['during']): Promise<void> {
  if (who === undefined) return;
  const words = (): unknown[] => slots.filter(({ name }) => name.startsWith(who)).map(({ service }) => service.child.lines.at(-1));
  const before = words();
  const until = performance.now() + MOST_WAIT_MS;
  while (words().every((word, index) => word === before[index]) && performance.now() < until) await sleep(WORK_LOOK_MS);
}

/** Shorter when the signal aborts. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}
