import type { OutgoingQueue } from '@ssm/spool';
import type { VolumeState } from './volume.js';

/** The same queue, whose passes are watched: when the volume gives no answer `answers` tells. */
export function watchedQueue(queue: OutgoingQueue, answers: Pick<VolumeState['answers'], 'scan'>): OutgoingQueue {
  return {
    path: queue.path,
    start: () => queue.start(),
    scan: (signal, read) => {
      const scan = queue.scan(signal, read);
      return {
        names: answers.scan.each(scan.names, () => scan.answers),
        statistics: scan.statistics,
        get answers() {
          return scan.answers;
        },
      };
    },
    claim: (name) => queue.claim(name),
    purge: () => queue.purge(),
    quarantineDepth: () => queue.quarantineDepth(),
    close: async () => queue.close?.(),
  };
}
