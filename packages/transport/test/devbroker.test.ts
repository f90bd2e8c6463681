import { type FaultPlan, startDevBroker } from '@ssm/devbroker';
import { conformance, type Harness, refusalConformance } from './conformance.js';
import { stompHarness } from './stomp-harness.js';

const LARGEST = 8_000_000;

const harness = (name: string, faults: FaultPlan): Harness =>
  stompHarness({
    name,
    largestMessage: LARGEST,
    start: async (scope) => {
      const broker = await startDevBroker({ heartbeat: [200, 200], faults });
      scope.after(() => broker.close());
      return broker;
    },
  });

conformance(harness('the development broker', { closeOver: LARGEST }));
refusalConformance(harness('the development broker', { refuseOver: LARGEST }));
