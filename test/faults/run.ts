import { appendFileSync } from 'node:fs';
import process from 'node:process';
import { CleanUp } from '../stage/clean-up.js';
import { keepSaying, progress } from '../stage/progress.js';
import { seeded } from '../stage/seeded.js';
import { Stage } from '../stage/stage.js';
import { type Fault, type Outcome, type Pace, type Result, secondsSince } from './fault.js';
import type { Fleet } from './fleet.js';

export interface Run {
  readonly fault: Fault;
  readonly fleet: Fleet;
  readonly seed: string;
  readonly pace: Pace;
}

/** Puts a stage on the brokers, lets the fault do its worst, counts, and writes the result down. Rejects when the fault broke a promise. */
export async function runFault({ fault, fleet, seed, pace }: Run): Promise<void> {
  const scope = new CleanUp();
  const brokers = await fleet.take(fault.brokers ?? 1);
  const start = performance.now();
  const title = brokers[0]?.title ?? '';
  let stage: Stage | undefined;
  let failed = false;
  const where = `${fleet.kind}: ${fault.name}`;
  const stopSaying = keepSaying(() => `${where}: ${secondsSince(start)} s, ${stage?.sent.length ?? 0} messages sent so far`);
  const note = (outcome: Partial<Outcome>, why?: string): void => {
    const { lost = [], altered = [], duplicated = [] } = outcome.tally ?? {};
    const counts = { messages: stage?.sent.length ?? 0, lost: lost.length, altered: altered.length, duplicated: duplicated.length };
    const what = { fault: fault.name, broker: fleet.kind, title, seconds: secondsSince(start), seed };
    writeDown({ ...what, ...counts, figures: outcome.figures ?? {}, ...(why === undefined ? {} : { failed: why }) });
  };
  try {
    const queue = `ssm.${fault.name}-${Date.now().toString(36)}`;
    stage = await Stage.create(scope, { brokers, pki: fleet.pki, queue, random: seeded(`${seed} ${fault.name}`), ...fault.stage });
    note(await fault.run(stage, pace));
    progress(`${where}: passed in ${secondsSince(start)} s`);
  } catch (error) {
    failed = true;
    note({}, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    progress(`${where}: FAILED after ${secondsSince(start)} s`);
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${await stage?.explain()}`, { cause: error });
  } finally {
    stopSaying();
    await stage?.clear();
    await scope.run();
    if (failed) await fleet.end();
  }
}

/** A line a result, for the table that scripts/test.mjs shows. */
function writeDown(result: Result): void {
  const { SSM_TEST_RESULTS: file } = process.env;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(result)}\n`);
}
