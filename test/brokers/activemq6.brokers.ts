import { it } from 'node:test';
import { missingBroker } from '@ssm/test-support';
import { deliveryOn } from './suite.js';
import { openVenue } from './venue.js';

const missing = missingBroker('activemq6');
if (missing === false) deliveryOn(await openVenue('activemq6', { maximumFrameBytes: 1_000_000 }), 'classic');
else it('delivery by activemq6', { skip: missing });
