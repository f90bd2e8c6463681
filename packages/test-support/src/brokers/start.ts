import path from 'node:path';
import { freePorts } from '../free-port.js';
import type { Scope } from '../scope.js';
import { temporaryDirectory } from '../temporary.js';
import { activemq } from './activemq.js';
import { artemis } from './artemis.js';
import type { BrokerKind, BrokerOptions, RealBroker } from './broker.js';
import type { Placement } from './handbook.js';
import { LaunchedBroker, lastFirst, type Product } from './launched.js';
import { rabbitmq } from './rabbitmq.js';

type Prepare = (scope: Scope, options: BrokerOptions, placement: Placement) => Product | Promise<Product>;

const PREPARE: Readonly<Record<BrokerKind, Prepare>> = {
  activemq5: (_scope, options, placement) => activemq('activemq5', options, placement),
  activemq6: (_scope, options, placement) => activemq('activemq6', options, placement),
  artemis: (_scope, options, placement) => artemis(options, placement),
  rabbitmq3: (scope, options, placement) => rabbitmq(scope, 'rabbitmq3', options, placement),
  rabbitmq4: (scope, options, placement) => rabbitmq(scope, 'rabbitmq4', options, placement),
};

/**
 * Starts a broker with the configuration of docs/brokers.md; resolves when it answers STOMP. Ask `missingBroker` first.
 * It is killed, and its directory removed, when the scope ends; it does not outlive this process.
 */
export async function startBroker(scope: Scope, kind: BrokerKind, options: BrokerOptions): Promise<RealBroker> {
  const ordered = lastFirst(scope);
  const directory = temporaryDirectory(ordered);
  const [tlsPort = 0, plainPort = 0] = await freePorts(2);
  const placement = { configuration: path.join(directory, 'etc'), data: path.join(directory, 'data'), tlsPort, plainPort };
  const product = await PREPARE[kind](ordered, options, placement);
  const broker = new LaunchedBroker(ordered, product);
  await broker.start();
  await product.complete?.();
  return broker;
}
