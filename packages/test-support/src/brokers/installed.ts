import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import process, { getuid } from 'node:process';
import type { BrokerKind } from './broker.js';

const { SSM_BROKERS_DIR } = process.env;
/** Where scripts/install-brokers.mjs puts what is no Debian package of this machine. */
const CACHE = SSM_BROKERS_DIR ?? path.join(homedir(), '.cache', 'ssm-brokers');

export const PLACES = {
  activemq5: '/usr/share/activemq/bin/activemq.jar',
  activemq6: path.join(CACHE, 'activemq6', 'lib'),
  artemis: path.join(CACHE, 'artemis'),
  rabbitmq3: '/usr/lib/rabbitmq/bin',
  /** A whole Debian, for chroot. */
  rabbitmq4: path.join(CACHE, 'rabbitmq4'),
} as const satisfies Readonly<Record<BrokerKind, string>>;

const NAMES: Readonly<Record<BrokerKind, string>> = {
  activemq5: 'ActiveMQ Classic 5',
  activemq6: 'ActiveMQ Classic 6',
  artemis: 'Artemis',
  rabbitmq3: 'RabbitMQ 3.10',
  rabbitmq4: 'RabbitMQ 4',
};

const needsRoot = (kind: BrokerKind): boolean => kind === 'rabbitmq4';

/**
 * For the `skip` option of a suite: `false` when this broker can be started here, else a line that says what is missing and how to get it.
 * Throws instead when the environment says CI=true: there no suite may be left out.
 */
export function missingBroker(kind: BrokerKind): string | false {
  const place = PLACES[kind];
  const there = existsSync(place);
  if (there && !(needsRoot(kind) && getuid?.() !== 0)) return false;
  const message = there
    ? `${NAMES[kind]} runs in ${place} by chroot: run this suite as root`
    : `needs ${NAMES[kind]}, which is not in ${place}: as root on Debian, npm run brokers:install`;
  const { CI } = process.env;
  if (CI === 'true') throw new Error(message);
  return message;
}
