import { conformanceOn } from './real-broker.js';

await conformanceOn('activemq5');
