import type { Logger } from './log.js';
import { loggableText } from './loggable.js';

interface ComponentState {
  readonly ready: boolean;
  readonly reason?: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly components: Readonly<Record<string, ComponentState>>;
}

export interface Liveness {
  readonly live: boolean;
  readonly reason?: string;
}

export interface Health {
  /** A component is ready, or not and why. */
  set(component: string, ready: true | string): void;
  /** Declares components that must be set before the service is ready. */
  require(...components: readonly string[]): void;
  /** To be called at every stage that ends, whatever its result. */
  moved(): void;
  /** Says whether work exists and the resources for it are there. Every function given must say no for nothing to be pending. */
  pending(isPending: () => boolean): void;
  ready(): Readiness;
  /** Fails when work was pending and no stage ended for this time; a broker or disk that is away is a matter of readiness. */
  live(): Liveness;
}

export interface HealthOptions {
  /** Milliseconds without a moved() after which pending work means stuck. */
  readonly stuckAfterMs: number;
  /** Monotonic milliseconds; default performance.now(). */
  readonly now?: () => number;
  /** Values that must not appear in any reason: whoever reaches the page can read it. */
  readonly secrets?: readonly string[];
}

export function createHealth({ stuckAfterMs, now = () => performance.now(), secrets = [] }: HealthOptions): Health {
  const components = new Map<string, ComponentState>();
  const pendingChecks: (() => boolean)[] = [];
  // When pending work was first seen after the last movement: an idle hour before the work came does not count.
  let pendingSince: number | undefined;
  return {
    set: (component, ready) => {
      components.set(component, ready === true ? { ready: true } : { ready: false, reason: loggableText(ready, secrets) });
    },
    require: (...names) => {
      for (const name of names) if (!components.has(name)) components.set(name, { ready: false, reason: 'not started' });
    },
    moved: () => {
      pendingSince = undefined;
    },
    pending: (isPending) => {
      pendingChecks.push(isPending);
    },
    ready: () => ({
      ready: components.size > 0 && [...components.values()].every((state) => state.ready),
      components: Object.fromEntries(components),
    }),
    live: () => {
      if (!pendingChecks.some((isPending) => isPending())) {
        pendingSince = undefined;
        return { live: true };
      }
      pendingSince ??= now();
      const waited = now() - pendingSince;
      if (waited < stuckAfterMs) return { live: true };
      return { live: false, reason: `work is waiting and no stage has ended for ${Math.floor(waited / 1000)} s` };
    },
  };
}

const LOOK_MS = 5_000;

/** Says in the log when the service stands still and when it moves again, also where nobody asks. Returns a function that ends it. */
export function watchLiveness(health: Pick<Health, 'live'>, log: Logger): () => void {
  let before = true;
  const timer = setInterval(() => {
    const { live, reason } = health.live();
    if (live === before) return;
    before = live;
    if (live) log.info('work moves again, or none is waiting any more');
    else log.error('stuck', { reason });
  }, LOOK_MS).unref();
  return () => clearInterval(timer);
}
