import { faultsOn } from './suite.js';

faultsOn('activemq5');
