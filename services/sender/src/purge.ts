/** Frees what dead senders locked, and removes what writers and crashes left behind. */
import type { Logger } from '@ssm/service-kit';
import type { OutgoingQueue } from '@ssm/spool';

/** Never rejects: what does not work now is tried again the next time. */
export async function purgeVolume(queue: OutgoingQueue, log: Logger, ending?: AbortSignal): Promise<void> {
  try {
    const purged = await queue.purge();
    if (purged.locks > 0) log.warn('locks of dead senders freed', { count: purged.locks });
    log.debug('outgoing volume purged', { ...purged });
  } catch (error) {
    // At the end the queue is closed under a purge that is not waited for.
    if (ending?.aborted !== true) log.warn('the outgoing volume could not be purged', { error });
  }
}
