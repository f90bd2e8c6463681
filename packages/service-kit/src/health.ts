export interface Readiness {
  readonly ready: boolean;
  readonly components: Readonly<Record<string, { readonly ready: boolean; readonly reason?: string }>>;
}

export interface Health {
  /** A component is ready, or not and why. Unknown components make the service not ready until they are set. */
  set(component: string, ready: true | string): void;
  /** Declares components that must be set before the service is ready. */
  require(...components: readonly string[]): void;
  /** Work exists and resources are there: call moved() at every stage that ends; liveness fails when none did for long. */
  moved(): void;
  pending(isPending: () => boolean): void;
  ready(): Readiness;
  live(): { readonly live: boolean; readonly reason?: string };
}

export interface HealthOptions {
  /** Milliseconds without a moved() after which pending work means stuck. */
  readonly stuckAfterMs: number;
  /** Monotonic milliseconds; default performance.now(). */
  readonly now?: () => number;
}

export function createHealth(_options: HealthOptions): Health {
  throw new Error('not built');
}
