/** A value made from files, replaced as a whole when they change, the last good one kept. */
export interface Reloadable<T> {
  /** The newest good value. */
  readonly current: T;
  /** Why the newest attempt failed, while it does. */
  readonly failure: Error | undefined;
  readonly loadedAt: Date;
  /** Look now (tests, SIGHUP). */
  check(): Promise<void>;
  close(): void;
}

export interface ReloadOptions<T> {
  /** Files and directories whose change means: load again. Called before each look. Links are followed. */
  readonly watch: () => readonly string[];
  readonly load: () => Promise<T>;
  /** Default 5 s between looks at the stat fingerprint. */
  readonly intervalMs?: number;
  /** Load again after so long even if nothing changed. Default 60 s. */
  readonly maximumAgeMs?: number;
  /** A changed fingerprint must have been quiet for so long before it is loaded. Default 0: at once. */
  readonly stabilityMs?: number;
  readonly onChange?: (value: T) => void;
  readonly onFailure?: (error: Error) => void;
}

/** Loads, and keeps looking. Rejects with the error of load() when the first load fails. */
export function watchFiles<T>(_options: ReloadOptions<T>): Promise<Reloadable<T>> {
  return Promise.reject(new Error('not built'));
}
