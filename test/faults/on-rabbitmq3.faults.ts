import { faultsOn } from './suite.js';

faultsOn('rabbitmq3');
