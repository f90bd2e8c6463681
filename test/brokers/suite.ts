import { describe } from 'node:test';
import { receiverKills, replicas, senderKills } from '../e2e/delivery-suite.js';
import { survivesDeaths } from './deaths.js';
import { refusesTheLargeOneOnly } from './refusal.js';
import { meet, type QueueType, type Venue, withLogin } from './venue.js';

/** Some of the boundaries; the others differ in nothing that a broker sees. */
const SENDER_STAGES = ['publish', 'confirm'];
const RECEIVER_STAGES = ['record', 'acknowledge'];

/** The end-to-end suite on a real broker: over TLS with certificates, and plain with a login. */
export function deliveryOn(venue: Venue, type: QueueType): void {
  const setting = { world: async (scope: Parameters<typeof meet>[0]) => (await meet(scope, venue, type)).world };
  describe(`delivery by ${venue.broker.title}, ${type} queues`, () => {
    senderKills(SENDER_STAGES, setting);
    receiverKills(RECEIVER_STAGES, setting);
    replicas({ messages: 60, rounds: 1 }, { ...setting, config: withLogin(venue) });
    const { largestMessage } = venue.broker;
    if (largestMessage !== undefined) refusesTheLargeOneOnly(venue, type, largestMessage);
    survivesDeaths(venue, type);
  });
}
