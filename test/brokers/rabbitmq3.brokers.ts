import { it } from 'node:test';
import { missingBroker } from '@ssm/test-support';
import { deliveryOn } from './suite.js';
import { openVenue } from './venue.js';

const missing = missingBroker('rabbitmq3');
if (missing === false) {
  const venue = await openVenue('rabbitmq3', { maximumFrameBytes: 1_000_000 });
  deliveryOn(venue, 'classic');
  deliveryOn(venue, 'quorum');
} else it('delivery by rabbitmq3', { skip: missing });
