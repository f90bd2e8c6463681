import type { ServiceDefinition } from '@ssm/service-kit';
import { receiverSettings } from './config.js';
import { type ReceiverOptions, startReceiver } from './receiver.js';

/** What runService needs to run the receiver as a process. `options` are for tests. */
export function receiverService(version: string, options: ReceiverOptions = {}): ServiceDefinition<typeof receiverSettings> {
  return {
    name: 'receiver',
    version,
    settings: receiverSettings,
    start: (context, config) => startReceiver(config, context, options),
  };
}
