import { BROKER_FAULTS } from './broker-faults.js';
import { CLOCK_FAULTS, CLOCK_PAST_CRL } from './clock-faults.js';
import { DISK_FAULTS } from './disk-faults.js';
import type { Fault } from './fault.js';
import { LARGE_FAULTS } from './large-faults.js';
import { EVERY_DISTURBANCE, PROCESS_FAULTS } from './process-faults.js';
import { REPLICA_FAULTS } from './replica-faults.js';
import { SILENCE_FAULTS } from './silence-faults.js';
import { TRUST_FAULTS } from './trust-faults.js';

/** All faults. The place in the list says on which broker the rotation puts it: new ones go to the end. */
export const FAULTS: readonly Fault[] = [
  ...BROKER_FAULTS,
  ...SILENCE_FAULTS,
  ...PROCESS_FAULTS,
  ...DISK_FAULTS,
  ...TRUST_FAULTS,
  ...CLOCK_FAULTS,
  ...REPLICA_FAULTS,
  ...LARGE_FAULTS,
  CLOCK_PAST_CRL,
  EVERY_DISTURBANCE,
];
