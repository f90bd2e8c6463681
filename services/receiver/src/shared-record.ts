import { tlsMaterial } from '@ssm/service-kit';
import { createSharedDeliveryRecord, type DeliveryRecord, type RecordOptions, type Sharing } from '@ssm/spool';
import type { ReceiverConfig } from './config.js';
import type { ReceiverSources } from './credentials.js';

/** The record of incoming, shared with other volumes through a server; nothing is connected yet. */
export function createSharedRecord(
  config: ReceiverConfig,
  options: RecordOptions,
  sources: ReceiverSources,
): DeliveryRecord & { readonly sharing: Sharing } {
  const { clientCertificate, passcode, prefix, server, timeout, username, window } = config.deduplication;
  return createSharedDeliveryRecord({
    ...options,
    windowMs: window,
    label: `${config.instance} ${config.incoming.path}`,
    server: {
      url: server,
      prefix,
      timeoutMs: timeout,
      tls: () => tlsMaterial(sources, sources.recordCa(), clientCertificate),
      ...(username === '' ? {} : { username }),
      ...(passcode === '' ? {} : { password: passcode }),
    },
  });
}
