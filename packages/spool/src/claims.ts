/** What a server of shared claims can do. No code. Everything rejects as {@link Sharing} says. */
import type { RecordWarning, SharedClaim, SharedVolume } from './sharing.js';

export interface Claims {
  /** Creates it for the volume, open, unless there is one; what is there now. `marker`: of the server that the volume knows. */
  claim(key: string, volume: string, marker: string): Promise<SharedClaim>;
  /** Makes it the volume's and stored, unless it is stored already; what is there now. Forgotten after keepMs without a word. */
  stored(key: string, volume: string, told: { readonly marker: string; readonly keepMs: number }): Promise<SharedClaim>;
  /** Forgotten after windowMs. Nothing happens when there is none. */
  confirm(key: string, windowMs: number): Promise<void>;
  look(keys: readonly string[]): Promise<readonly (SharedClaim | undefined)[]>;
  /** Creates what a volume remembers, unless there is something: open, or confirmed and forgotten after keepMs. */
  remember(key: string, volume: string, since: Remembered): Promise<void>;

  alive(volume: string, label: string): Promise<void>;
  volumes(): Promise<readonly SharedVolume[]>;
  /** Keys of the claims of a volume that are open. */
  open(volume: string): Promise<readonly string[]>;
  /** Forgets a claim if it is open and this volume's. */
  release(key: string, volume: string): Promise<boolean>;
  forgetVolume(volume: string): Promise<void>;

  /** By which a volume knows the server again; undefined: there is none, since the server is new or has lost everything. */
  marker(): Promise<string | undefined>;
  /** The volume has told what it remembers. `knew`: another marker before. */
  told(volume: string, knew: boolean): Promise<void>;
  hasTold(volume: string): Promise<boolean>;
  /** The volume goes on with this server. */
  untold(volume: string): Promise<void>;
  /** Makes a marker, unless there is one: `always`, or only when no volume knew another. What is there now. */
  mark(marker: string, always: boolean): Promise<string | undefined>;
  warnings(): Promise<readonly RecordWarning[]>;
  close(): void;
}

export interface Remembered {
  readonly recordedAt: Date;
  /** undefined: it is open. */
  readonly keepMs: number | undefined;
}
