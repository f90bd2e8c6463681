/** Parts of the machine that can fail, whatever the message: names of components on the readiness page. */
export type LocalComponent = VolumeComponent | 'trust';
export type VolumeComponent = 'incoming' | 'reject' | 'delivery-record';

/** Something here is wrong, not the message: it stays at the broker until that is over. The cause says what. */
export class LocalTrouble extends Error {
  override readonly name = 'LocalTrouble';
  readonly code: string;
  readonly component: LocalComponent;
  /** What could not be stored, 0 where size plays no part. */
  readonly bytes: number;

  constructor(component: LocalComponent, cause: unknown, bytes = 0) {
    super(`${component}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.component = component;
    this.code = codeOf(cause);
    this.bytes = bytes;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'internal-error';
}

/** Whatever fails in `work` is trouble of that component. */
export async function locally<T>(component: LocalComponent, work: () => Promise<T>, bytes = 0): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof LocalTrouble ? error : new LocalTrouble(component, error, bytes);
  }
}
