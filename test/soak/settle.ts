import { setTimeout as sleep } from 'node:timers/promises';
import type { Scope } from '@ssm/test-support';
import { leftOutgoing } from '../stage/outgoing.js';
import type { Stage } from '../stage/stage.js';
import { rejectsOf, replayAll } from './replay.js';
import type { Scene } from './scene.js';

/** Nothing has changed for so long: it will not come right by itself. A receiver that had much trouble waits longest, some minutes. */
const STALLED_MS = 240_000;
/** The same when it is on its way nowhere: not to be sent, and not at a broker. */
const LOST_MS = 20_000;
/** A second copy of a message would come in this time. */
const QUIET_MS = 3_000;
const LOOK_MS = 1000;
const MOST_REPLAYS = 5;
const SHOWN = 3;
const SAY_MS = 15_000;

/** What is not done yet. */
interface Open {
  readonly missing: number;
  readonly outgoing: readonly string[];
  readonly rejects: number;
  /** undefined: not asked for yet. */
  readonly atBroker: number | undefined;
}

/** Files of which at least one element was loaded. */
export function arrivals({ stage }: Pick<Scene, 'stage'>): number {
  return new Set(stage.loaded.map(({ id }) => id)).size;
}

/** Files, locks and claims. Not what a killed sender tried a volume out with, which says nothing and is removed after ten minutes. */
export function notSent({ world }: Stage): string[] {
  return leftOutgoing(world.outgoing).filter((name) => !name.startsWith('.claimed/probe~'));
}

async function openOf(scene: Scene, before: Open | undefined): Promise<Open> {
  const { stage } = scene;
  const missing = stage.sent.length - arrivals(scene);
  const outgoing = notSent(stage).filter((name) => !name.startsWith('.claimed/owner~'));
  const rejects = (await rejectsOf(scene)).length;
  // Brokers answer slowly: they are asked when nothing moves.
  const isStill = missing === before?.missing && outgoing.length === 0;
  return { missing, outgoing, rejects, atBroker: isStill ? await stage.depth() : undefined };
}

function textOf({ missing, outgoing, rejects, atBroker }: Open): string {
  const names = outgoing.slice(0, SHOWN).join(', ');
  return `${missing} have not arrived, ${outgoing.length} are in the outgoing volume (${names}), ${rejects} are rejected, ${atBroker ?? 'some'} are at the broker`;
}

/** What is open, and since when nothing of it has changed. */
class Stillness {
  text = '';
  #changed = performance.now();
  #said = performance.now();

  /** Milliseconds since the last change. */
  note(open: Open, say: (line: string) => void): number {
    const text = textOf(open);
    const now = performance.now();
    if (text !== this.text) this.#changed = now;
    this.text = text;
    if (now - this.#said > SAY_MS) {
      this.#said = now;
      say(text);
    }
    return now - this.#changed;
  }
}

/** Resolves when everything has arrived and nothing is left, or with what is left when nothing changes any more. */
export async function settle(scope: Scope, scene: Scene, say: (line: string) => void): Promise<string | undefined> {
  const stillness = new Stillness();
  let open: Open | undefined;
  for (let replays = 0; ; ) {
    open = await openOf(scene, open);
    const quietMs = stillness.note(open, say);
    const nowhere = open.outgoing.length === 0 && open.atBroker === 0;
    const isDone = nowhere && open.missing + open.rejects === 0;
    if (quietMs >= (isDone ? QUIET_MS : nowhere ? LOST_MS : STALLED_MS)) return isDone ? undefined : stillness.text;
    if (nowhere && open.rejects > 0 && replays < MOST_REPLAYS) {
      replays += 1;
      await replayAll(scope, scene);
    }
    await sleep(LOOK_MS);
  }
}
