import type { EventEmitter } from 'node:events';
import type { Faults } from './faults.js';
import type { StompVersion } from './frame.js';
import type { BrokerMessage } from './message.js';
import type { Settings } from './options.js';
import type { Store } from './store.js';

/** Since the start. */
export interface Counters {
  /** TCP or, with TLS, finished handshakes. */
  connections: number;
  /** CONNECT frames answered with CONNECTED. */
  connects: number;
  disconnects: number;
  frames: number;
  sends: number;
  receipts: number;
  deliveries: number;
  /** Deliveries of what had been delivered before and came back. */
  redeliveries: number;
  acks: number;
  nacks: number;
  /** ERROR frames. */
  errors: number;
  tlsErrors: number;
  missedHeartbeats: number;
}

export interface ConnectionInfo {
  readonly id: number;
  readonly remotePort: number;
  /** Undefined before CONNECTED. */
  readonly version: StompVersion | undefined;
  readonly login: string | undefined;
  /** Subject of the verified client certificate, slash form in encoded order. */
  readonly peerCertificateDn: string | undefined;
  /** Negotiated, in milliseconds, from the broker's side; 0 is none. */
  readonly heartbeat: { readonly outgoing: number; readonly incoming: number };
  readonly subscriptions: readonly string[];
}

export interface DevBrokerEvents {
  connect: [ConnectionInfo];
  disconnect: [ConnectionInfo];
  subscribe: [ConnectionInfo, string];
  send: [BrokerMessage];
  deliver: [BrokerMessage];
  ack: [BrokerMessage];
  nack: [BrokerMessage];
  /** Text of the ERROR frame, or of what was not said. */
  refused: [string];
  'tls-error': [Error];
}

/** What all connections of a broker share. */
export interface Context {
  readonly settings: Settings;
  readonly store: Store;
  readonly faults: Faults;
  readonly counters: Counters;
  readonly events: EventEmitter<DevBrokerEvents>;
}
