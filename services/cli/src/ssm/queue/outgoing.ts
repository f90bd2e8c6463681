/** What waits in an outgoing queue; nothing is claimed and nothing changed. */
import { lstat } from 'node:fs/promises';
import { type ScanStatistics, scanOutgoing } from '@ssm/spool';
import type { Place } from './places.js';

export interface Waiting {
  readonly name: string;
  readonly bytes: number;
  readonly time: Date;
}

export interface OutgoingLook {
  readonly waiting: readonly Waiting[];
  readonly statistics: ScanStatistics;
}

/** At most `limit` of those that wait, the oldest first; the statistics are of all. */
export async function lookAtOutgoing({ path, layout }: Place, limit: number, signal: AbortSignal): Promise<OutgoingLook> {
  const { names, statistics } = scanOutgoing({ path, layout }, signal);
  const waiting: Waiting[] = [];
  for await (const some of names) {
    for (const name of some.slice(0, limit - waiting.length)) {
      // What has no name in text cannot be looked at by it; a sender says so.
      const status = await lstat(`${path}/${name}`).catch(() => undefined);
      waiting.push({ name, bytes: status?.size ?? 0, time: status?.mtime ?? new Date(0) });
    }
  }
  return { waiting, statistics };
}
