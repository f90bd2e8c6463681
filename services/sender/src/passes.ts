/** The names of what is to be sent, pass after pass over the volume, for as long as the service runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { OutgoingQueue, ScanStatistics } from '@ssm/spool';
import type { ElementBackoff } from './backoff.js';
import type { QueueDepth } from './depth.js';
import type { InFlight } from './in-flight.js';
import type { VolumeState } from './volume.js';
import type { Wake } from './wake.js';

/** Between two passes at least, whatever happens on the volume: a scan is not free. */
const GAP_MS = 100;
/** Between two elements while nothing works. */
const TROUBLE_GAP_MS = 50;
/** What keeps us from sending may be over in a moment, a broker being connected above all: before that a long backlog is not counted. */
const OPENING_MS = 1000;

export interface PassSources {
  readonly queue: OutgoingQueue;
  readonly inFlight: InFlight;
  readonly backoff: ElementBackoff;
  readonly depth: QueueDepth;
  readonly volume: VolumeState;
  readonly wake: Wake;
  /** Why nothing may be sent now; undefined: go on. */
  readonly closed: () => string | undefined;
  /** Elements that left the queue since the start. */
  readonly gone: () => number;
  /** An element that failed this often is left alone. Default: never. */
  readonly attempts?: number;
  readonly scanIntervalMs: number;
  readonly stopping: AbortSignal;
  /** Makes the queue ready, where that did not work when the service started. Rejects while it does not. */
  readonly begin: () => Promise<void>;
  /** Called after each pass; true ends it all. */
  readonly finished?: (pass: Pass) => Promise<boolean>;
  readonly completed: () => void;
}

/** What a pass came to. */
export interface Pass {
  /** The whole volume was seen, with leave to send or with nothing to be sent. */
  readonly whole: boolean;
  /** The volume could not be read. */
  readonly failed: boolean;
  /** Names handed on, and names that wait for a later try. */
  readonly started: number;
  readonly waiting: number;
  readonly statistics: ScanStatistics | undefined;
}

const NOTHING: Pass = { whole: false, failed: false, started: 0, waiting: 0, statistics: undefined };

export async function* elements(sources: PassSources): AsyncGenerator<string, void, undefined> {
  const { wake, stopping, scanIntervalMs, backoff, gone } = sources;
  while (!stopping.aborted) {
    await opened(sources);
    const rings = wake.rings;
    const before = gone();
    const pass = sources.closed() === undefined ? yield* passOnce(sources) : await lookOnly(sources);
    if (stopping.aborted || (await sources.finished?.(pass)) === true) return;
    await pause(GAP_MS, stopping);
    // Where there are no file events, a pass that moved something may have missed what came meanwhile.
    if (pass.whole && gone() > before) continue;
    await wake.wait(pass.failed ? wake.rings : rings, Math.min(scanIntervalMs, backoff.nextInMs), stopping);
    backoff.prune();
  }
}

async function* passOnce(sources: PassSources): AsyncGenerator<string, Pass, undefined> {
  const { queue, inFlight, depth, volume, stopping, gone, closed } = sources;
  const before = gone();
  const counts = { started: 0, waiting: 0 };
  try {
    await sources.begin();
    const scan = queue.scan(stopping, (all) => depth.passed(all, gone() - before));
    for await (const names of scan.names) {
      for (const name of inTurn(names, sources, counts)) {
        if (stopping.aborted || closed() !== undefined) return { ...NOTHING, ...counts };
        if (volume.troubled) await pause(TROUBLE_GAP_MS, stopping);
        counts.started += 1;
        yield name;
      }
    }
    if (stopping.aborted) return { ...NOTHING, ...counts };
    depth.passed(scan.statistics, gone() - before);
    volume.scanned();
    // What was sent and cannot be removed is in flight still.
    if (counts.started === 0 && counts.waiting === 0 && inFlight.size === 0) volume.elementWorked();
    sources.completed();
    return { whole: true, failed: false, ...counts, statistics: scan.statistics };
  } catch (error) {
    volume.scanFailed(error);
    return { ...NOTHING, failed: true, ...counts };
  }
}

/** Each is asked when its turn comes: a directory that changes while it is read may show a name twice. */
function* inTurn(names: readonly string[], sources: PassSources, counts: { waiting: number }): Generator<string, void> {
  for (const name of names) {
    const turn = turnOf(name, sources);
    if (turn === 'later') counts.waiting += 1;
    if (turn === 'now') yield name;
  }
}

function turnOf(name: string, { inFlight, backoff, attempts = Number.POSITIVE_INFINITY }: PassSources): 'now' | 'later' | 'never' {
  if (inFlight.has(name) || backoff.attempts(name) >= attempts) return 'never';
  return backoff.waits(name) ? 'later' : 'now';
}

/** Waits for leave to send, but not for long. The bell also rings for every new file. */
async function opened({ closed, wake, stopping }: PassSources): Promise<void> {
  const end = performance.now() + OPENING_MS;
  for (let left = OPENING_MS; left > 0 && !stopping.aborted && closed() !== undefined; left = end - performance.now()) {
    await wake.wait(wake.rings, left, stopping);
    if (closed() !== undefined) await pause(GAP_MS, stopping);
  }
}

/** Nothing may be sent: only how much waits is looked up, now and then, and no longer than until something may. Where there is nothing that is all there was to do. */
async function lookOnly({ depth, volume, stopping, begin, closed }: PassSources): Promise<Pass> {
  try {
    await begin();
    const statistics = await depth.refresh(stopping, () => closed() !== undefined);
    if (statistics === undefined) return NOTHING;
    volume.scanned();
    const { available, ignored, locked } = statistics;
    return { ...NOTHING, whole: available + ignored + locked === 0, statistics };
  } catch (error) {
    volume.scanFailed(error);
    return { ...NOTHING, failed: true };
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
