/** The publisher as the configuration describes it, and what its status events become: log lines, metrics, health. */
import { amsOptions, configFault, type Health, type Logger, stompOptions, type TlsSources } from '@ssm/service-kit';
import { createAmsPublisher, createStompPublisher, type Publisher, type Status } from '@ssm/transport';
import type { SenderConfig } from './config.js';
import type { Materials } from './materials.js';
import type { SenderMetrics } from './metrics.js';

/** Throws ServiceError config-invalid: broker settings that cannot work. */
export function createPublisher(config: SenderConfig, materials: Materials): Publisher {
  const sources = tlsSources(materials);
  try {
    if (config.transport === 'ams') return createAmsPublisher({ ...amsOptions(config, sources), topic: config.ams.topic });
    return createStompPublisher(stompOptions(config, sources));
  } catch (error) {
    throw configFault('broker', error);
  }
}

function tlsSources({ identity, trust, brokerCa }: Materials): TlsSources {
  return { identity: () => identity.current, anchors: () => trust.current.anchors, brokerCa: () => brokerCa?.current };
}

/** Health component `broker`: connected, and giving receipts. */
export class BrokerHealth {
  readonly #health: Health;
  #away: string | undefined = 'not connected yet';
  #silent: string | undefined;

  constructor(health: Health) {
    this.#health = health;
    this.#show();
  }

  connected(): void {
    this.#away = undefined;
    this.#show();
  }

  away(reason: string): void {
    this.#away = reason;
    this.#show();
  }

  /** A broker that takes messages and confirms none is not ready, however often it is connected again; but we are alive. */
  silent(reason: string): void {
    this.#silent = reason;
    this.#health.moved();
    this.#show();
  }

  /** A message, or a probe; before a message counts as refused a probe has passed. */
  confirmed(): void {
    if (this.#silent === undefined) return;
    this.#silent = undefined;
    this.#show();
  }

  #show(): void {
    this.#health.set('broker', this.#away ?? this.#silent ?? true);
  }
}

/** What a status event changes outside of the transport. */
export interface BrokerWatch {
  readonly log: Logger;
  readonly broker: BrokerHealth;
  readonly metrics: SenderMetrics;
  /** A broker is connected now, or none is. */
  readonly turned: (connected: boolean) => void;
}

export function isConnected(publisher: Publisher): boolean {
  return publisher.connections().some(({ connected }) => connected);
}

/** Reads the status of the publisher until it is closed. */
export async function followStatus(publisher: Publisher, watch: BrokerWatch): Promise<void> {
  for (const { broker } of publisher.connections()) watch.metrics.brokerConnected.set({ broker }, 0);
  let first = true;
  for await (const status of publisher.status()) {
    report(status, watch);
    if (status.type === 'connected') {
      if (!first) watch.metrics.brokerReconnects.inc({ broker: status.broker });
      first = false;
    }
    // The list and not the event decides: a broker that went may have been followed by another already.
    const connections = publisher.connections();
    for (const { broker, connected } of connections) watch.metrics.brokerConnected.set({ broker }, connected ? 1 : 0);
    const connected = connections.some((one) => one.connected);
    if (connected) watch.broker.connected();
    else if (status.type === 'disconnected') watch.broker.away(reasonOf(status));
    watch.turned(connected);
  }
}

function reasonOf({ broker, error }: Extract<Status, { type: 'disconnected' }>): string {
  const text = error === undefined ? 'disconnected' : error.message;
  return text.startsWith(`${broker}: `) ? text : `${broker}: ${text}`;
}

function report(status: Status, { log, metrics, broker: health }: BrokerWatch): void {
  const { broker } = status;
  switch (status.type) {
    case 'connecting':
      log.debug('connecting to the broker', { broker });
      break;
    case 'connected':
      log.info('connected to the broker', { broker, server: status.server, version: status.version, heartbeatMs: status.heartbeatMs });
      if (status.certificateExpires !== undefined) metrics.certificate('broker', status.certificateExpires);
      break;
    case 'disconnected':
      // Without an error it is our own doing: the service stops.
      if (status.error === undefined) log.info('disconnected from the broker', { broker });
      else {
        log.warn('the broker is away', { broker, error: status.error, retryInMs: status.retryInMs });
        metrics.brokerDisconnects.inc({ broker });
      }
      break;
    case 'resent':
      log.warn('message sent again', { broker, empaId: status.id, reason: status.reason });
      metrics.resent.inc();
      break;
    case 'receipt-timeout':
      log.warn('no receipt from the broker in time', { broker, empaId: status.id });
      metrics.receiptTimeouts.inc();
      health.silent(`${broker}: no receipt in time`);
      break;
    case 'probe-confirmed':
      health.confirmed();
      break;
    case 'warning':
      log.warn('the broker connection has a problem', { broker, code: status.code, detail: status.message });
      break;
    // Only subscribers ask how many messages wait.
    case 'lag':
      break;
  }
}
