import type { ServiceDefinition } from '@ssm/service-kit';
import { warningsForRoot } from '@ssm/spool';
import { senderSettings } from './config.js';
import { type StartOptions, startSender } from './sender.js';

/** What runService() needs to run a sender. */
export function senderService(version: string, options: StartOptions = {}): ServiceDefinition<typeof senderSettings> {
  return {
    name: 'sender',
    version,
    settings: senderSettings,
    start: async (context, config) => {
      for (const detail of await warningsForRoot(config.outgoing.path))
        context.log.warn('root works in a queue of another user', { detail });
      return await startSender(config, context, options);
    },
  };
}
