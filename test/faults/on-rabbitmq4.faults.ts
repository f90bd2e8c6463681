import { faultsOn } from './suite.js';

faultsOn('rabbitmq4');
