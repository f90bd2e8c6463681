import type { ServiceDefinition } from '@ssm/service-kit';
import { senderSettings } from './config.js';
import { type StartOptions, startSender } from './sender.js';

/** What runService() needs to run a sender. */
export function senderService(version: string, options: StartOptions = {}): ServiceDefinition<typeof senderSettings> {
  return { name: 'sender', version, settings: senderSettings, start: (context, config) => startSender(config, context, options) };
}
