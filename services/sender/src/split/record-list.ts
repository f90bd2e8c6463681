/** More records than any file within reason has. */
export const MAXIMUM_RECORDS = 1_000_000;

export interface Records {
  /** Bytes before the first record: every part begins with them. */
  readonly head: Uint8Array;
  /** Where each record ends. The first begins behind the head, each other where the one before it ends. */
  readonly ends: readonly number[];
  /** Bytes behind the last record: every part ends with them. */
  readonly tail: Uint8Array;
}

/** Why a file cannot be split. */
export interface NoRecords {
  readonly reason: string;
}
