/** What the main thread gives to its job thread. Jobs are numbered from 0; the answers come back in their order, some at a time. */
export interface Batch<Setup, Job> {
  /** What jobs are done with from here on; the first batch has one. */
  readonly setup?: { readonly value: Setup };
  /** Number of the first job. */
  readonly from: number;
  readonly jobs: readonly Job[];
}

export interface Answers<Result> {
  /** Number of the first job that is answered. */
  readonly from: number;
  /** `undefined` for a job that the thread could not do. */
  readonly results: readonly (Result | undefined)[];
}

/** The same bytes in memory of their own, which can be handed over to another thread whole; copied where they share theirs. */
export function alone(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) return new Uint8Array(buffer);
  const copy = new Uint8Array(byteLength);
  copy.set(bytes);
  return copy;
}
