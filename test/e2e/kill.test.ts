import { receiverKills, senderKills } from './delivery-suite.js';
import { World } from './world.js';

const onDevBroker = { world: (scope: Parameters<typeof World.create>[0]): Promise<World> => World.create(scope) };

senderKills(['claim', 'seal', 'publish', 'confirm', 'remove'], onDevBroker);
receiverKills(['deliver', 'open', 'authorise', 'stage', 'record', 'store', 'acknowledge'], onDevBroker);
