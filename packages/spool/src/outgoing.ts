/** What the two layouts of an outgoing queue share. */
import { promises as fs } from 'node:fs';
import { ClaimsDirectory } from './claims-directory.js';
import { unlinkIfThere } from './moves.js';
import { type Checkpoint, noCheckpoint, type OutgoingOptions } from './options.js';
import { Quarantine } from './quarantine.js';

export interface OutgoingParts {
  readonly root: string;
  readonly claims: ClaimsDirectory;
  readonly quarantine: Quarantine;
  readonly checkpoint: Checkpoint;
  readonly now: () => Date;
}

export function outgoingParts(options: OutgoingOptions, checkpoint: Checkpoint = noCheckpoint): OutgoingParts {
  return {
    root: options.path,
    claims: new ClaimsDirectory(options),
    quarantine: new Quarantine(options, checkpoint),
    checkpoint,
    now: options.now ?? (() => new Date()),
  };
}

/** The root must be there: a volume that is not mounted is no empty queue. `held` gives the journal lines of what is claimed. */
export async function startParts({ root, claims, quarantine }: OutgoingParts, held: () => Iterable<string>): Promise<void> {
  await fs.access(root, fs.constants.R_OK | fs.constants.X_OK);
  await claims.open(held);
  const probe = await claims.probe();
  try {
    await quarantine.start(probe);
  } finally {
    await unlinkIfThere(probe);
  }
  await quarantine.recover(claims.time);
}
