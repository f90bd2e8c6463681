import type { FaultPlan } from './faults.js';

export interface DevBrokerTls {
  /** PEM. */
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** PEM bundle of the CAs whose client certificates are accepted; only with it a client is asked for one. */
  readonly ca?: string | Buffer;
  /** Without a certificate from `ca` nobody gets in. Default false. */
  readonly requireClientCertificate?: boolean;
}

export interface DevBrokerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Absent: plain TCP. */
  readonly tls?: DevBrokerTls;
  /** When given, CONNECT must carry the same. */
  readonly login?: string;
  readonly passcode?: string;
  /** Milliseconds: how often it can send, and wants to receive, heart-beats; 0 is never. Default 10,000 both. */
  readonly heartbeat?: readonly [number, number];
  /** A client that was silent for so many of its intervals is cut off. Default 2. */
  readonly heartbeatGrace?: number;
  /** The `server` header of CONNECTED. */
  readonly server?: string;
  /** Bytes of a body; a larger one is answered with ERROR. Default 100 MiB. */
  readonly maxFrameSize?: number;
  /** Bytes of all messages together; a SEND beyond it is answered with ERROR. Default 1 GiB. */
  readonly maxQueuedBytes?: number;
  /** Unacknowledged messages of a subscription that does not say how many it wants. Default 1,000. */
  readonly prefetch?: number;
  readonly faults?: FaultPlan;
}

export interface Settings {
  readonly login: string | undefined;
  readonly passcode: string | undefined;
  readonly heartbeat: readonly [number, number];
  readonly heartbeatGrace: number;
  readonly server: string;
  readonly maxFrameSize: number;
  readonly maxQueuedBytes: number;
  readonly prefetch: number;
}

export function settingsOf(options: DevBrokerOptions): Settings {
  return {
    login: options.login,
    passcode: options.passcode,
    heartbeat: options.heartbeat ?? [10_000, 10_000],
    heartbeatGrace: options.heartbeatGrace ?? 2,
    server: options.server ?? 'ssm-devbroker',
    maxFrameSize: options.maxFrameSize ?? 100 * 1024 * 1024,
    maxQueuedBytes: options.maxQueuedBytes ?? 1024 * 1024 * 1024,
    prefetch: options.prefetch ?? 1000,
  };
}
