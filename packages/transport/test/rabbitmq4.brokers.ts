import { conformanceOn } from './real-broker.js';

await conformanceOn('rabbitmq4');
