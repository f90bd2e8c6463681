/** What the two layouts of an outgoing queue share. */
import { promises as fs } from 'node:fs';
import { ClaimsDirectory } from './claims-directory.js';
import { isFull } from './faults.js';
import { unlinkIfThere } from './moves.js';
import { type Checkpoint, noCheckpoint, type OutgoingOptions } from './options.js';
import { Quarantine } from './quarantine.js';
import { type VolumeCalls, volumeCalls } from './volume-calls.js';

export interface OutgoingParts {
  readonly root: string;
  /** What is done for every element goes through these. */
  readonly calls: VolumeCalls;
  readonly claims: ClaimsDirectory;
  readonly quarantine: Quarantine;
  readonly checkpoint: Checkpoint;
  readonly now: () => Date;
}

export function outgoingParts(options: OutgoingOptions, checkpoint: Checkpoint = noCheckpoint): OutgoingParts {
  const { calls = volumeCalls(options.path) } = options;
  return {
    root: options.path,
    calls,
    claims: new ClaimsDirectory(options, calls),
    quarantine: new Quarantine(options, checkpoint),
    checkpoint,
    now: options.now ?? (() => new Date()),
  };
}

/** The root must be there: a volume that is not mounted is no empty queue. `held` gives the journal lines of what is claimed. */
export async function startParts(parts: OutgoingParts, held: () => Iterable<string>): Promise<void> {
  try {
    await startOnce(parts, held);
  } catch (error) {
    // Sending is what frees a volume on which writers have taken the last inode.
    if (!isFull(error) || !(await parts.claims.giveUpSpares())) throw error;
    await startOnce(parts, held);
  }
}

async function startOnce({ root, calls, claims, quarantine }: OutgoingParts, held: () => Iterable<string>): Promise<void> {
  await fs.access(root, fs.constants.R_OK | fs.constants.X_OK);
  await calls.look();
  await claims.open(held);
  const probe = await claims.probe();
  try {
    await quarantine.start(probe);
  } finally {
    await unlinkIfThere(probe);
  }
  await quarantine.recover(claims.time);
}
