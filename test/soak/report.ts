import path from 'node:path';
import { table } from '../demo/table.js';
import { storiesOf } from '../stage/story.js';
import type { Conductor } from './conductor.js';
import type { Keeper } from './keeper.js';
import { figuresOf } from './logs.js';
import { type SoakOptions, toRepeat } from './options.js';
import type { Operator } from './replay.js';
import type { Scene } from './scene.js';
import type { Check, Verdict } from './verdict.js';

const SHOWN = 20;
const MEGABYTE = 1_000_000;

export interface Run {
  readonly options: SoakOptions;
  readonly scene: Scene;
  readonly conductor: Conductor;
  readonly keeper: Keeper;
  readonly operator: Operator;
  readonly verdict: Verdict;
  /** From the first file to the last arrival. */
  readonly seconds: number;
}

/** What happened, and how fast. */
export function reportOf({ options, scene, conductor, keeper, operator, verdict, seconds }: Run): string {
  const { stage, loaders } = scene;
  const { sent, arrived, lost, altered, duplicated } = verdict.tally;
  const { receipts, duplicates, redelivered, retries, rejected } = figuresOf(path.join(stage.world.directory, 'logs'));
  const bytes = stage.sent.reduce((sum, file) => sum + file.bytes, 0);
  const faults = [...conductor.counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const rejects = [...rejected].map(([code, count]) => `${count} ${code}`).join(', ') || 'none';
  const rows = [
    ['figure', 'value'],
    ['broker', stage.brokers.map(({ title }) => title).join(', ')],
    ['incoming', options.volumes === 'own' ? 'a volume each, without a shared record: at least once' : 'one volume: once'],
    ['loader', loaders[0]?.title ?? ''],
    ['files', `${sent} of ${(bytes / MEGABYTE).toFixed(1)} MB together`],
    ['arrived, lost, altered, duplicated', `${arrived}, ${lost.length}, ${altered.length}, ${duplicated.length}`],
    ['time', `${seconds.toFixed(0)} s, ${(sent / seconds).toFixed(1)} messages/s`],
    ['faults', String(conductor.total)],
    ['starts', stage.slots.map(({ name, starts }) => `${name} ${starts}`).join(', ')],
    ['starts that were refused, as they must be', String(keeper.refusals)],
    ['peak memory', [...keeper.peaks].map(([name, mebibytes]) => `${name} ${mebibytes} MiB`).join(', ')],
    ['receipts', `${receipts}: ${Math.max(0, receipts - sent)} more than files`],
    ['delivered again, as the broker says', String(redelivered)],
    ['duplicates found and dropped', String(duplicates)],
    ['left at the broker for local trouble', String(retries)],
    ['rejected, for a while', `${rejects}; ${operator.replays} replays meanwhile`],
  ];
  const counts = table([['fault', 'how often'], ...faults.map(([name, count]) => [name, String(count)])]);
  return `\n${counts}\n\n${table(rows)}\n\nTo repeat: ${toRepeat(options)}\n`;
}

/** What went wrong, with the story of each message from the logs of both sides. */
export function failuresOf(checks: readonly Check[], logs: string): string {
  const wrong = checks.filter((check) => check.wrong.length > 0);
  const lists = wrong.map((check) => {
    const more = check.wrong.length > SHOWN ? [`  and ${check.wrong.length - SHOWN} more`] : [];
    return [`FAILED: ${check.name}: ${check.wrong.length}`, ...check.wrong.slice(0, SHOWN).map((text) => `  ${text}`), ...more].join('\n');
  });
  const ids = [...new Set(wrong.flatMap((check) => check.ids ?? []))];
  return [...lists, ...(ids.length === 0 ? [] : [storiesOf(ids, logs)])].join('\n');
}
