export type { DevBroker } from './broker.js';
export { startDevBroker } from './broker.js';
export type { ConnectionInfo, Counters, DevBrokerEvents } from './context.js';
export type { CutMoment, FaultPlan } from './faults.js';
export type { BrokerMessage } from './message.js';
export type { DevBrokerOptions, DevBrokerTls } from './options.js';
