import { BROKER_FAULTS } from './broker-faults.js';
import type { Fault } from './fault.js';
import { PROCESS_FAULTS } from './process-faults.js';
import { SILENCE_FAULTS } from './silence-faults.js';

/** All faults. The place in the list says on which broker the rotation puts it: new ones go to the end. */
export const FAULTS: readonly Fault[] = [...BROKER_FAULTS, ...SILENCE_FAULTS, ...PROCESS_FAULTS];
