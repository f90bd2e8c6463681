import type { ServiceDefinition } from '@ssm/service-kit';
import { refuseRoot, warningsForRoot } from '@ssm/spool';
import { adoptSettings, startAdopt } from './adopt.js';
import { type ReceiverConfig, receiverSettings } from './config.js';
import { type ReceiverOptions, startReceiver } from './receiver.js';
import { type ReplayOptions, startReplay } from './replay.js';

/** What runService needs to run the receiver as a process. `options` are for tests. */
export function receiverService(version: string, options: ReceiverOptions = {}): ServiceDefinition<typeof receiverSettings> {
  return {
    name: 'receiver',
    version,
    settings: receiverSettings,
    start: async (context, config) => {
      for (const detail of await warningsForRoot(config.incoming.path, config.reject.path))
        context.log.warn('root works in a queue of another user', { detail });
      return await startReceiver(config, context, options);
    },
  };
}

/** What runService needs to try the rejected messages again: ends by itself. */
export function replayService(version: string, options: ReplayOptions = {}): ServiceDefinition<typeof receiverSettings> {
  return {
    name: 'receiver-replay',
    version,
    settings: receiverSettings,
    admit: refuseRootBeside,
    start: (context, config) => startReplay(config, context, options),
  };
}

/** What runService needs to show the volumes that share a record, and to adopt one: ends by itself. */
export function adoptService(version: string): ServiceDefinition<typeof adoptSettings> {
  return {
    name: 'receiver-adopt',
    version,
    settings: adoptSettings,
    admit: refuseRootBeside,
    start: (context, config) => startAdopt(config, context),
  };
}

/** These are run by hand, beside a receiver that may be another user's. SpoolError permission-denied. */
async function refuseRootBeside({ incoming, reject }: Pick<ReceiverConfig, 'incoming' | 'reject'>): Promise<void> {
  await refuseRoot(incoming.path, reject.path);
}
