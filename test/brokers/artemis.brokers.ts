import { it } from 'node:test';
import { missingBroker } from '@ssm/test-support';
import { returns } from './deaths.js';
import { deliveryOn } from './suite.js';
import { openVenue } from './venue.js';

const missing = missingBroker('artemis');
if (missing === false) {
  const venue = await openVenue('artemis');
  deliveryOn(venue, 'classic');
  // The configuration of docs/brokers.md is not for queues of such a name. Not every return is counted, so not all of them go.
  returns(venue, 'Artemis puts what came back ten times into its dead-letter queue unless it is told otherwise', {
    account: { login: 'operator', passcode: 'change-me-too' },
    prefix: 'other.',
    deadLetters: 'DLQ',
    expected: ({ left, dead }, put) => dead > 0 && left + dead === put,
  });
} else it('delivery by artemis', { skip: missing });
