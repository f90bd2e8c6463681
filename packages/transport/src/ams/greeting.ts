import type { Status } from '../transport.js';
import type { AmsApi } from './api.js';

/** There is no connection as with a broker: the server answered. */
export function connectedStatus({ name, greeting }: AmsApi): Status {
  const { server, certificateExpires } = greeting;
  return {
    type: 'connected',
    broker: name,
    server,
    version: 'AMS v1',
    heartbeatMs: { outgoing: 0, incoming: 0 },
    ...(certificateExpires === undefined ? {} : { certificateExpires }),
  };
}
