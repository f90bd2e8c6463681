import type { NameSource } from './names.js';
import type { OutgoingParts } from './outgoing.js';

/** What a claim of a dirq Simple queue needs of its queue. No code. */
export interface SimpleParts extends OutgoingParts {
  readonly names: NameSource;
  /** Into the journal: claimed, or touched at this time (ms). */
  note(name: string, ...times: readonly number[]): Promise<void>;
  /** Into the journal, soon: gone. */
  noteGone(name: string): void;
  /** Into the journal: no longer claimed. */
  noteEnd(name: string): Promise<void>;
  /** Its lock seems too old to be ours for certain; perhaps only the clock is wrong. */
  left(name: string, lock: LeftLock): void;
}

export interface LeftLock {
  /** Removes the lock if it is ours for certain now. False: try again later. */
  unlockAfterAll(): Promise<boolean>;
}
