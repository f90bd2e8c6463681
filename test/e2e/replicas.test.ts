import { replicas } from './delivery-suite.js';
import { World } from './world.js';

replicas({ messages: 150, rounds: 3 }, { world: (scope) => World.create(scope) });
