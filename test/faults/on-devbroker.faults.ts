import { faultsOn } from './suite.js';

faultsOn('devbroker');
