/** The interfaces of a record that several volumes share. */

/**
 * `open`: claimed, and perhaps stored, but that was not told. `stored`: visible in a volume. `confirmed`: and the broker knows; it is
 * forgotten when the window has passed.
 */
export type SharedState = 'open' | 'stored' | 'confirmed';

/** What all volumes know of an id. */
export interface SharedClaim {
  readonly state: SharedState;
  /** Name of the volume that has it. */
  readonly volume: string;
  /** By the server's clock: when it was claimed first. */
  readonly recordedAt: Date;
}

/**
 * What a volume asks and tells the others beside its claims. Everything here rejects with SpoolError `server-away`, `server-refused`
 * (the server answers with an error) or `server-forgot` (it lost what it had recorded: see docs/operations.md).
 */
export interface Sharing {
  /** For recovery: claims an id of entries() for this volume unless it is taken; what it is now. */
  settle(id: string): Promise<SharedClaim & { readonly isHere: boolean }>;
  /** It is durable in this volume. `alsoIn`: another volume has stored it too, which only an adoption can bring about. Idempotent. */
  stored(id: string): Promise<{ readonly alsoIn: string | undefined }>;
  /** Another volume has stored it, so what is staged here will be dropped. false: somebody else has already done that. */
  drop(id: string): Promise<boolean>;
  /** SpoolError `held-elsewhere` while another volume has one of these half-way. */
  requireFree(ids: readonly string[]): Promise<void>;
  /** Tells the others that this volume lives. Call it more often than each {@link VOLUME_LEASE_MS}. */
  alive(): Promise<void>;
  /** What is dangerous about the server's configuration, as far as it tells; as of the last start(). */
  readonly warnings: readonly RecordWarning[];
  readonly volumes: SharedVolumes;
  /** Ends the connection. What is called later makes a new one. */
  close(): void;
}

export interface RecordWarning {
  readonly code: 'server-changed' | 'server-may-evict' | 'server-not-durable' | 'server-syncs-late';
  readonly message: string;
}

/** What an operator looks at and decides. */
export interface SharedVolumes {
  /** Name of our own volume; made if it has none yet. */
  own(): Promise<string>;
  list(): Promise<readonly SharedVolume[]>;
  /**
   * Gives up what a volume has half-way: whoever has such a message, or gets it, may store it. Resolves to how many these were, and
   * forgets the volume. When it comes back it drops those that others have stored meanwhile.
   */
  adopt(volume: string): Promise<number>;
  /** Goes on with a server that forgot what it knew. false: it is in order. */
  acceptServer(): Promise<boolean>;
}

export interface SharedVolume {
  readonly name: string;
  readonly label: string;
  readonly seenAt: Date;
  /** By the server's clock. */
  readonly silentMs: number;
  /** Messages that it has half-way. */
  readonly open: number;
  /** It has told a server that forgot everything what it knows, and waits for the operator. */
  readonly waits: boolean;
}

/** A volume that was not heard of for this time may be given up. */
export const VOLUME_LEASE_MS = 120_000;
