import { faultsOn } from './suite.js';

faultsOn('artemis');
