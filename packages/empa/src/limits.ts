/** Limits on hostile input. Bytes unless said otherwise. */
export interface Limits {
  /** The raw message as it came from the broker. */
  readonly messageBytes: number;
  /** The decoded body. */
  readonly bodyBytes: number;
  /** Nesting of DER values. */
  readonly derDepth: number;
  /** Number of DER values in one structure, apart from one for every 256 octets of it (a streamed message is many small segments). */
  readonly derValues: number;
  /** Certificates in one message. */
  readonly certificates: number;
  /** One certificate in a message. */
  readonly certificateBytes: number;
  /** All header lines of one MIME entity together. */
  readonly headerBytes: number;
  /** One header line, unfolded. */
  readonly headerLineBytes: number;
  /** Certificates from signer to anchor. */
  readonly chainLength: number;
}

const MiB = 1024 * 1024;

export const DEFAULT_LIMITS: Limits = {
  messageBytes: 96 * MiB,
  bodyBytes: 20 * MiB,
  derDepth: 32,
  derValues: 20_000,
  certificates: 32,
  certificateBytes: 64 * 1024,
  headerBytes: 64 * 1024,
  headerLineBytes: 8 * 1024,
  chainLength: 10,
};
