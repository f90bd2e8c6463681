import { it } from 'node:test';
import { missingBroker } from '@ssm/test-support';
import { deliveryOn } from './suite.js';
import { openVenue } from './venue.js';

const missing = missingBroker('activemq5');
if (missing === false) deliveryOn(await openVenue('activemq5', { maximumFrameBytes: 1_000_000 }), 'classic');
else it('delivery by activemq5', { skip: missing });
