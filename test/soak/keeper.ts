import type { Child } from '@ssm/test-support';
import { memoryOf } from '../stage/memory.js';
import { heard, type Slot } from '../stage/slot.js';
import type { Stage } from '../stage/stage.js';
import { tailOf } from '../stage/story.js';
import type { Lanes } from './lanes.js';
import type { Lane } from './menu.js';

const LOOK_MS = 250;

/** Starts a service again that ended by itself, as systemd does, remembers why it ended, and how much memory each had. */
export class Keeper {
  /** Peak of resident memory in MiB, by service or broker. */
  readonly peaks = new Map<string, number>();
  /** Ends that nothing explains, which fail the soak. */
  readonly failures: string[] = [];
  /** Starts that a service refused, as it must. */
  refusals = 0;
  readonly #stage: Stage;
  readonly #lanes: Lanes;
  readonly #explains: (since: number) => boolean;
  readonly #watched = new WeakSet<Child>();
  readonly #timer: NodeJS.Timeout;
  #looking = false;

  constructor(stage: Stage, lanes: Lanes, explains: (since: number) => boolean) {
    this.#stage = stage;
    this.#lanes = lanes;
    this.#explains = explains;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      for (const slot of this.#stage.slots) {
        this.#watch(slot);
        if (slot.running) this.#measure(slot.name, slot.pid);
        else await this.#restart(slot);
      }
      for (const [index, { pid }] of this.#stage.brokers.entries()) if (pid > 0) this.#measure(`broker-${index + 1}`, pid);
    } catch (error) {
      this.failures.push(error instanceof Error ? error.message : String(error));
    } finally {
      this.#looking = false;
    }
  }

  #measure(name: string, pid: number): void {
    try {
      this.peaks.set(name, Math.max(this.peaks.get(name) ?? 0, memoryOf(pid).peak || 0));
    } catch {
      // It has just ended.
    }
  }

  #watch(slot: Slot): void {
    const { child } = slot.service;
    if (this.#watched.has(child)) return;
    this.#watched.add(child);
    const since = performance.now();
    void child.exited.then(({ code, signal }) => {
      if (code === 0 || signal === 'SIGKILL') return;
      const refused = code === 1 && child.output().includes('"msg":"start failed"') && this.#explains(since);
      if (refused) this.refusals += 1;
      else this.failures.push(`${slot.name} ended by itself, with ${code ?? signal}:\n${tailOf(child.output(), 8)}`);
    });
  }

  /** Not while a fault has hold of it. */
  async #restart(slot: Slot): Promise<void> {
    const lane: Lane = slot.name.startsWith('sender') ? 'sender' : 'receiver';
    if (!this.#lanes.isFree(lane)) return;
    const leave = await this.#lanes.take(lane);
    try {
      if (slot.running) return;
      await slot.start();
      await heard(slot);
    } finally {
      leave();
    }
  }
}
