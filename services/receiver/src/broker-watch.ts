import type { Health, Logger } from '@ssm/service-kit';
import type { Status, Subscriber } from '@ssm/transport';
import type { ReceiverMetrics } from './metrics.js';

export interface BrokerWatch {
  readonly log: Logger;
  readonly health: Health;
  readonly metrics: ReceiverMetrics;
}

/** Reads the status of the subscriber until it is closed: log lines, metrics, and readiness, for which one broker is enough. */
export async function followStatus(subscriber: Subscriber, watch: BrokerWatch): Promise<void> {
  const connectedBefore = new Set<string>();
  const ends = new Map<string, Date>();
  showConnections(subscriber, watch, 'not connected yet');
  for await (const status of subscriber.status()) {
    report(status, watch);
    if (status.type === 'connected') {
      if (connectedBefore.has(status.broker)) watch.metrics.brokerReconnects.inc({ broker: status.broker });
      connectedBefore.add(status.broker);
      if (status.certificateExpires !== undefined) ends.set(status.broker, status.certificateExpires);
      const [first] = [...ends.values()].toSorted((a, b) => a.getTime() - b.getTime());
      if (first !== undefined) watch.metrics.certificate('broker', first);
    }
    showConnections(subscriber, watch, status.type === 'disconnected' ? reasonOf(status) : undefined);
  }
}

/** `reason`: why none is connected, where the event says so. */
function showConnections(subscriber: Subscriber, { health, metrics }: BrokerWatch, reason: string | undefined): void {
  const connections = subscriber.connections();
  for (const { broker, connected } of connections) metrics.brokerConnected.set({ broker }, connected ? 1 : 0);
  if (connections.some(({ connected }) => connected)) health.set('broker', true);
  else if (reason !== undefined) health.set('broker', reason);
}

function reasonOf({ broker, error }: Extract<Status, { type: 'disconnected' }>): string {
  const text = error === undefined ? 'disconnected' : error.message;
  return text.startsWith(`${broker}: `) ? text : `${broker}: ${text}`;
}

function report(status: Status, { log, metrics }: BrokerWatch): void {
  const { broker } = status;
  switch (status.type) {
    case 'connecting':
      log.debug('connecting to the broker', { broker });
      break;
    case 'connected':
      log.info('connected to the broker', { broker, server: status.server, version: status.version, heartbeatMs: status.heartbeatMs });
      break;
    case 'disconnected':
      // Without an error it is our own doing: the service stops, or something here is wrong.
      if (status.error === undefined) log.info('disconnected from the broker', { broker });
      else {
        log.warn('the broker is away', { broker, error: status.error, retryInMs: status.retryInMs });
        metrics.brokerDisconnects.inc({ broker });
        // Whoever looks at it shall not take it for today's.
        metrics.brokerLag.remove({ broker });
      }
      break;
    case 'warning':
      log.warn('the broker connection has a problem', { broker, code: status.code, detail: status.message });
      break;
    case 'lag':
      metrics.brokerLag.set({ broker }, status.messages);
      break;
    // Only publishers send again, wait for receipts of messages, and send probes.
    case 'resent':
    case 'receipt-timeout':
    case 'probe-confirmed':
      break;
  }
}
