import { conformance } from '../conformance.js';
import { amsHarness } from './harness.js';

// What AMS cannot do, whoever is its client: docs/ams.md says the same.
conformance(
  amsHarness('the development AMS server', 8_000_000, {
    'delivers again what was not acknowledged, and nothing else':
      'an acknowledgement covers everything before it, so one message cannot be left out: see subscriber.test.ts',
    'consumes from every broker of its list, and publishes on one that is there': 'a project lives on one server, there is no list',
  }),
);
