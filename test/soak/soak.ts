import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Scope } from '@ssm/test-support';
import { seeded } from '../stage/seeded.js';
import { Conductor } from './conductor.js';
import { feed } from './feeder.js';
import { Keeper } from './keeper.js';
import { Lanes } from './lanes.js';
import { menuOf, stepsOf } from './menu.js';
import type { SoakOptions } from './options.js';
import { Operator } from './replay.js';
import { failuresOf, reportOf } from './report.js';
import { type Scene, setScene } from './scene.js';
import { arrivals, settle } from './settle.js';
import { type Check, judge, type Verdict } from './verdict.js';

const PROGRESS_MS = 10_000;
const READY_MS = 60_000;
const OPERATOR_MS = 20_000;
const MINUTE_MS = 60_000;

type Say = (line: string) => void;

/** The time since `start` as 1:05. */
function clockText(start: number): string {
  const seconds = Math.floor((performance.now() - start) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function keepSaying(scene: Scene, conductor: Conductor, say: Say): () => void {
  const start = performance.now();
  const timer = setInterval(() => {
    const sent = scene.stage.sent.length;
    const arrived = arrivals(scene);
    const now = conductor.now.join(', ') || 'none';
    say(
      `[${clockText(start)}] handed over ${sent}, arrived ${arrived}, in flight ${sent - arrived}; faults so far ${conductor.total}, now: ${now}`,
    );
  }, PROGRESS_MS);
  return () => clearInterval(timer);
}

/** In good order, whoever it is; who does not is a failure. */
async function stopAll({ stage }: Scene): Promise<string[]> {
  const stops = await Promise.allSettled(stage.slots.map((slot) => slot.stop()));
  return stops.flatMap((stop) => (stop.status === 'rejected' ? [String(stop.reason)] : []));
}

/** Everything that explains a failure, out of the way of the clean-up. */
async function keep({ stage, incoming, rejects }: Scene & { readonly incoming: readonly string[] }): Promise<string> {
  const kept = mkdtempSync(path.join(tmpdir(), 'ssm-soak-'));
  cpSync(stage.world.directory, kept, { recursive: true });
  for (const [index, queue] of [...incoming, ...rejects].entries())
    cpSync(queue, path.join(kept, `${path.basename(queue)}-${index + 1}`), { recursive: true });
  for (const [index, broker] of stage.brokers.entries()) writeFileSync(path.join(kept, `broker-${index + 1}.log`), broker.log());
  return kept;
}

/** Who works on a stage while files flow. */
interface Cast {
  readonly conductor: Conductor;
  readonly keeper: Keeper;
  readonly operator: Operator;
  /** Resolves when none of them does anything any more. */
  end(): Promise<void>;
}

function startCast(scope: Scope, scene: Scene, { only, seed }: SoakOptions, say: Say): Cast {
  const lanes = new Lanes();
  const conductor = new Conductor(scene.stage, lanes, stepsOf(menuOf(scene, only), seeded(`${seed} plan`)));
  const keeper = new Keeper(scene.stage, lanes, (since) => conductor.explainsRefusal(since));
  const operator = new Operator(scope, scene, OPERATOR_MS, () => lanes.isFree('trust'));
  const stopSaying = keepSaying(scene, conductor, say);
  const end = async (): Promise<void> => {
    stopSaying();
    keeper.stop();
    await operator.stop();
  };
  return { conductor, keeper, operator, end };
}

/** Files, faults, and at last rest; what is wrong with how it ended. */
async function play(scope: Scope, scene: Scene, { options, cast, say }: { options: SoakOptions; cast: Cast; say: Say }): Promise<Check[]> {
  const { seed, messages, minutes } = options;
  const { conductor, keeper, operator } = cast;
  const start = performance.now();
  const milliseconds = minutes * MINUTE_MS;
  const feeding = feed(scene.stage, { seed, messages, milliseconds, arrivals: () => arrivals(scene) });
  await Promise.all([conductor.run(AbortSignal.timeout(milliseconds)), feeding]);
  await operator.stop();
  say(`[${clockText(start)}] everything is healed; waiting until it is quiet`);
  const left = await settle(scope, scene, say);
  await cast.end();
  const stopped = await stopAll(scene);
  await Promise.all(scene.loaders.map((loader) => loader.stop()));
  return [
    { name: 'does not come to rest', wrong: left === undefined ? [] : [left] },
    { name: 'faults that could not be made or healed', wrong: conductor.failures },
    { name: 'services that ended otherwise than they should', wrong: [...keeper.failures, ...stopped] },
  ];
}

/** Runs it; resolves with the checks. */
export async function soak(scope: Scope, options: SoakOptions, say: Say): Promise<readonly Check[]> {
  const scene = await setScene(scope, options, say);
  const { stage } = scene;
  for (const line of scene.notes) say(`note: ${line}`);
  await Promise.all(stage.slots.map(({ service }) => service.ready(READY_MS)));
  const cast = startCast(scope, scene, options, say);
  try {
    const start = performance.now();
    const troubles = await play(scope, scene, { options, cast, say });
    const seconds = (performance.now() - start) / 1000;
    const verdict = await judge(scene, options.volumes === 'own' ? 'at-least-once' : 'once', troubles);
    say(reportOf({ options, scene, verdict, seconds, ...cast }));
    await tellFailures(scene, verdict, say);
    return verdict.checks;
  } finally {
    await cast.end();
  }
}

async function tellFailures(scene: Scene, { checks }: Verdict, say: Say): Promise<void> {
  if (checks.every(({ wrong }) => wrong.length === 0)) return;
  say(failuresOf(checks, path.join(scene.stage.world.directory, 'logs')));
  say(`Kept: ${await keep({ ...scene, incoming: scene.stage.incoming })}`);
}
