/** Root may write everywhere, and what it makes is root's: the service that a queue belongs to could not go on with it. */
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { CLAIMS } from './claims-directory.js';
import { SpoolError } from './errors.js';
import { STAGING } from './normal-layout.js';

export interface OtherOwner {
  /** The queue, or the directory that it will be in. */
  readonly directory: string;
  readonly uid: number;
  readonly gid: number;
}

/** The owner of a queue when we are root and he is not. undefined also for a user whom this user namespace does not have: nobody here can become him. */
export async function ownerBesideRoot(queue: string): Promise<OtherOwner | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  for (const directory of [queue, path.dirname(queue)]) {
    const stats = await fs.stat(directory).catch(() => undefined);
    if (stats === undefined) continue;
    const { gid, uid } = stats;
    return uid === 0 || !(await isMapped(uid)) ? undefined : { directory, uid, gid };
  }
  return undefined;
}

/** What a command line begins with to be run as the owner. */
export function commandAs({ uid, gid }: OtherOwner): string {
  return `setpriv --reuid=${uid} --regid=${gid} --clear-groups`;
}

/** SpoolError permission-denied when we are root and a queue is another user's, unless a service of root works in it already. */
export async function refuseRoot(...queues: readonly string[]): Promise<void> {
  for (const { directory, owner, text } of await besideOwners(queues))
    throw new SpoolError('permission-denied', `${text}; begin the command with: ${commandAs(owner)}`, { path: directory });
}

/**
 * What to say where a service of root begins to work in queues of another user; what is there is left as it is: whoever owns a directory
 * could have any file of the host given to him by a root that changes owners there.
 */
export async function warningsForRoot(...queues: readonly string[]): Promise<readonly string[]> {
  return (await besideOwners(queues)).map(({ directory, owner, text }) => {
    const { gid, uid } = owner;
    return `${text}: run this service as that user (${commandAs(owner)} ...; what root has made: chown -Rh ${uid}:${gid} ${directory}), or always as root`;
  });
}

interface BesideOwner {
  readonly directory: string;
  readonly owner: OtherOwner;
  readonly text: string;
}

async function besideOwners(queues: readonly string[]): Promise<readonly BesideOwner[]> {
  const found: BesideOwner[] = [];
  for (const queue of queues) {
    const owner = await ownerBesideRoot(queue);
    if (owner === undefined || (await rootWorksIn(queue))) continue;
    const { directory, uid } = owner;
    found.push({ directory, owner, text: `${directory} belongs to uid ${uid}, who could not use what root makes there` });
  }
  return found;
}

async function rootWorksIn(queue: string): Promise<boolean> {
  const owners = await Promise.all([CLAIMS, STAGING].map(async (name) => (await fs.stat(`${queue}/${name}`).catch(() => undefined))?.uid));
  return owners.includes(0);
}

/** As whom a user namespace shows users that it does not have, when nothing else is said (/proc/sys/kernel/overflowuid). */
const OVERFLOW_UID = 65_534;
/** Users of a namespace that has all of them. */
const ALL_UIDS = 2 ** 32 - 1;

/** Lines of uid_map: first inside, first outside, how many. */
async function isMapped(uid: number): Promise<boolean> {
  const map = await fs.readFile('/proc/self/uid_map', 'latin1').catch(() => '');
  const ranges = map.split('\n').map((line) => line.trim().split(/ +/).map(Number));
  if (map === '' || ranges.some(([, , count]) => count === ALL_UIDS)) return true;
  return uid !== OVERFLOW_UID && ranges.some(([first = 0, , count = 0]) => uid >= first && uid < first + count);
}
