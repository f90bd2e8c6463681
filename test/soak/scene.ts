import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { getuid } from 'node:process';
import { createDemoPki, type DemoPki, fakeTimeLibrary, requireTools, type Scope, startBroker, temporaryDirectory } from '@ssm/test-support';
import { type StageBroker, startDevelopmentBroker } from '../stage/broker.js';
import { FakeClock } from '../stage/clock.js';
import { Volume } from '../stage/mounts.js';
import { seeded } from '../stage/seeded.js';
import { Stage } from '../stage/stage.js';
import type { ConfigFile } from '../support/services.js';
import { type Loader, startDirqLoader, startOwnLoader } from './loaders.js';
import type { SoakOptions } from './options.js';

/** Room for the largest file in any encoding; brokers with a smaller limit of their own are told so. */
const FRAME_BYTES = 16 * 1024 * 1024;
const RESERVE_MEBIBYTES = 8;
/** For what is on its way, and the record of what was delivered: a page of memory a file, twice. */
const MEBIBYTES = { base: 96, eachThousand: 8 };

/** A stage with everything that the soak's faults take hold of. */
export interface Scene {
  readonly stage: Stage;
  /** File systems of incoming and reject; empty: not root, so there are none of their own. */
  readonly volumes: readonly Volume[];
  readonly clock: FakeClock | undefined;
  /** One for each incoming volume. */
  readonly loaders: readonly Loader[];
  readonly rejects: readonly string[];
  /** What is different from what was asked for, or left out here, a line each. */
  readonly notes: readonly string[];
}

type Say = (line: string) => void;

async function startBrokers(scope: Scope, options: SoakOptions, pki: DemoPki, say: Say): Promise<StageBroker[]> {
  const { kind } = options;
  return await Promise.all(
    Array.from({ length: options.brokers }, async () => {
      const broker =
        kind === 'devbroker'
          ? await startDevelopmentBroker(scope, pki)
          : await startBroker(scope, kind, { pki, maximumFrameBytes: FRAME_BYTES });
      say(`${broker.title} is there`);
      return broker;
    }),
  );
}

/** Half an update is never used, as by default; the stage's own default is faster than that. */
const BOTH: ConfigFile = { trust: { stability: '1s' }, log: { level: 'info' } };
/** A sender that dies between a lock and its note about it leaves a lock that only its age frees: not after ten minutes here. */
const LOCKS: ConfigFile = { lockAge: '20s', touchInterval: '5s', purgeInterval: '5s' };

interface Place {
  readonly incoming: string;
  readonly reject: string;
  readonly volume: Volume | undefined;
}

function placesOf(scope: Scope, options: SoakOptions): Place[] {
  const count = options.volumes === 'own' ? options.receivers : 1;
  const mebibytes = MEBIBYTES.base + Math.ceil((options.messages / 1000) * MEBIBYTES.eachThousand);
  return Array.from({ length: count }, () => {
    const volume = getuid?.() === 0 ? Volume.tmpfs(scope, { mebibytes }) : undefined;
    const directory = volume?.path ?? temporaryDirectory(scope);
    const place = { incoming: path.join(directory, 'incoming'), reject: path.join(directory, 'reject'), volume };
    for (const each of [place.incoming, place.reject]) mkdirSync(each);
    return place;
  });
}

async function startLoaders(scope: Scope, stage: Stage, options: SoakOptions, notes: string[]): Promise<Loader[]> {
  const missing = requireTools('python3-dirq');
  const wanted = options.loader ?? seeded(`${options.seed} loader`).pick(['own', 'dirq'] as const);
  if (wanted === 'dirq' && missing !== false) notes.push(`incoming is emptied by this program, not by python3-dirq: ${missing}`);
  const note = (element: Stage['loaded'][number]): void => void stage.loaded.push(element);
  return await Promise.all(
    stage.incoming.map((queue, index) =>
      wanted === 'own' || missing !== false
        ? startOwnLoader(queue, note)
        : startDirqLoader(scope, queue, path.join(stage.world.directory, `loader-${index + 1}.out`), note),
    ),
  );
}

/** Everything is started; nobody is ready yet. */
export async function setScene(scope: Scope, options: SoakOptions, say: Say): Promise<Scene> {
  const notes: string[] = [];
  // Before what was registered later, the directories that they write into.
  let stage: Stage | undefined;
  scope.after(() => stage?.clear());
  const pki = createDemoPki(path.join(temporaryDirectory(scope), 'pki'), { key: options.encrypted ? 'rsa2048' : 'p256' });
  const brokers = await startBrokers(scope, options, pki, say);
  const random = seeded(`${options.seed} victims`);
  const { layout } = options;
  stage = await Stage.create(scope, { brokers, pki, queue: 'ssm.soak', random, proxied: true, layout, config: BOTH });
  const clock = fakeTimeLibrary() === undefined ? undefined : new FakeClock(stage.world.directory);
  const env = clock?.env ?? {};
  const encryption = options.encrypted ? { encryption: { recipients: [pki.server.certificatePath] } } : {};
  const places = placesOf(scope, options);
  stage.incoming.splice(0, stage.incoming.length, ...places.map(({ incoming }) => incoming));
  for (let count = 0; count < options.senders; count += 1) stage.sender({ env, config: { outgoing: LOCKS, ...encryption } });
  for (let count = 0; count < options.receivers; count += 1) {
    const { incoming, reject, volume } = places[count % places.length] as Place;
    const reserve = volume === undefined ? 0 : `${RESERVE_MEBIBYTES}MiB`;
    stage.receiver({ env, incoming, config: { incoming: { reserve }, reject: { path: reject } } });
  }
  await Promise.all(stage.slots.map((slot) => slot.start()));
  const volumes = places.flatMap(({ volume }) => (volume === undefined ? [] : [volume]));
  if (volumes.length === 0) notes.push('no full and no read-only volumes: run this as root');
  if (clock === undefined) notes.push('no clock that jumps: apt-get install libfaketime');
  const loaders = await startLoaders(scope, stage, options, notes);
  return { stage, volumes, clock, loaders, rejects: places.map(({ reject }) => reject), notes };
}
