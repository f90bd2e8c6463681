/** Milliseconds between heart-beats; 0: none. */
export interface HeartbeatIntervals {
  readonly outgoing: number;
  readonly incoming: number;
}

/**
 * What both sides agreed on (STOMP 1.2, "Heart-beating"): in each direction the slower of what one can and the other wants, nothing where either
 * says 0. `ours` is what we offer in both directions, `theirs` the header of CONNECTED.
 */
export function negotiate(ours: number, theirs: string | undefined): HeartbeatIntervals {
  const [, can, want] = /^\s*(\d{1,9})\s*,\s*(\d{1,9})\s*$/.exec(theirs ?? '') ?? [];
  const slower = (their: number): number => (ours === 0 || their === 0 ? 0 : Math.max(ours, their));
  return { outgoing: slower(Number(want ?? 0)), incoming: slower(Number(can ?? 0)) };
}
