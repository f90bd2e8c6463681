import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { elementPaths, readQueue } from '../stage/collector.js';
import { type Tally, tally } from '../stage/ledger.js';
import { quarantined } from '../stage/outgoing.js';
import { rejectsOf } from './replay.js';
import type { Scene } from './scene.js';
import { notSent } from './settle.js';

/** What must hold in the end. */
export interface Check {
  readonly name: string;
  /** Empty: it holds. Ids of messages, or what is wrong with them. */
  readonly wrong: readonly string[];
  /** Messages whose story is to be told. */
  readonly ids?: readonly string[];
}

export interface Verdict {
  readonly tally: Tally;
  readonly checks: readonly Check[];
}

function withReason(element: string): { readonly id: string; readonly text: string } {
  const read = (key: string): string => {
    const file = path.join(element, key);
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  };
  const id = read('empaid') || read('name');
  return { id, text: `${id}: ${read('error')} (${element})` };
}

function refusals(name: string, elements: readonly string[]): Check {
  const found = elements.map(withReason);
  return { name, wrong: found.map(({ text }) => text), ids: found.map(({ id }) => id) };
}

async function leftLocked({ stage }: Scene): Promise<string[]> {
  const elements = stage.incoming.flatMap(elementPaths);
  return [...notSent(stage), ...elements.filter((element) => existsSync(path.join(element, 'locked')))];
}

/** When everything has stopped: compares every byte of what was sent, and looks for what is left anywhere. `promised`: may nothing be there twice? */
export async function judge(scene: Scene, promised: 'once' | 'at-least-once', troubles: readonly Check[]): Promise<Verdict> {
  const { stage } = scene;
  const inQueues = (await Promise.all(stage.incoming.map((queue) => readQueue(queue)))).flat();
  const found = tally(stage.sent, [...stage.loaded, ...inQueues]);
  const { lost, altered, duplicated, extra } = found;
  const reduced = scene.rejects.map((queue) => path.join(queue, '.reduced.jsonl')).filter((file) => existsSync(file));
  const inQuarantine = quarantined(stage.world.outgoing).map((name) => path.join(stage.world.outgoing, '.quarantine', name));
  return {
    tally: found,
    checks: [
      { name: 'lost', wrong: lost, ids: lost },
      { name: 'altered', wrong: altered, ids: altered },
      ...(promised === 'once' ? [{ name: 'duplicated', wrong: duplicated, ids: duplicated }] : []),
      { name: 'in incoming and never sent', wrong: extra },
      refusals('left in the reject queue', await rejectsOf(scene)),
      { name: 'rejects without their contents', wrong: reduced.map((file) => readFileSync(file, 'utf8')) },
      refusals('in quarantine', inQuarantine),
      { name: 'left locked or not sent', wrong: await leftLocked(scene) },
      ...troubles,
    ],
  };
}
