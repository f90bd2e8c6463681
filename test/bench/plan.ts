import type { BenchOptions } from './options.js';

export type KeyName = 'RSA' | 'P-256';

/** What goes through a sender and then through a receiver. */
export interface Load {
  readonly bytes: number;
  readonly encrypted: boolean;
  readonly key: KeyName;
  /** Mutual TLS to the broker. */
  readonly tls: boolean;
}

/** How long a program is let run before it is measured, until its code is optimised, and how long it is measured then; ms. */
export interface Times {
  readonly warmMs: number;
  readonly windowMs: number;
}

export interface Plan extends Times {
  readonly repeats: number;
  /** How long a limit is measured, ms: twice for each run of a service. */
  readonly limitMs: number;
  /** How long services are left alone to see what they cost when idle, ms. */
  readonly idleMs: number;
  readonly loads: readonly Load[];
  /** Whether start, idle and the largest messages are measured. */
  readonly still: boolean;
  /** Files, elements and ids of the part that looks at cost as work grows; undefined: it is left out. */
  readonly backlog: number | undefined;
}

/** What `--only` calls the parts that are no loads. */
export const STILL = 'start, idle and 20 MB';
export const GROWTH = 'growth';

export const KB = 1024;
export const LARGE = 20 * 1024 * KB;
const PLAIN = { key: 'RSA', tls: false } as const;
const QUICK: readonly Load[] = [
  { ...PLAIN, bytes: KB, encrypted: false },
  { ...PLAIN, bytes: KB, encrypted: true },
  { ...PLAIN, bytes: 100 * KB, encrypted: true },
];
// Nothing is encrypted for EC keys: RSA key transport is what receivers of this format know.
const FULL: readonly Load[] = [
  ...QUICK,
  { ...PLAIN, bytes: 100 * KB, encrypted: false },
  { key: 'P-256', tls: false, bytes: KB, encrypted: false },
  { key: 'P-256', tls: false, bytes: 100 * KB, encrypted: false },
  { key: 'RSA', tls: true, bytes: KB, encrypted: false },
  { key: 'RSA', tls: true, bytes: KB, encrypted: true },
];

export const loadName = ({ bytes, encrypted, key, tls }: Load): string =>
  `${bytes / KB} KB ${encrypted ? 'signed+encrypted' : 'signed'}${key === 'RSA' ? '' : `, ${key}`}${tls ? ', mutual TLS' : ''}`;

/** Whether `--only` lets this through. */
const wanted = (name: string, only: readonly string[]): boolean => only.length === 0 || only.some((part) => name.includes(part));

export function planOf({ quick, only, broker, repeats, backlog }: Omit<BenchOptions, 'output' | 'directory'>): Plan {
  const loads = (quick ? QUICK : FULL).filter((load) => wanted(loadName(load), only));
  // It takes too long to be quick, and says nothing about a real broker; but whoever names it gets it.
  const grown = only.length > 0 || (!quick && broker === 'devbroker');
  const parts = { loads, still: wanted(STILL, only), backlog: grown && wanted(GROWTH, only) ? backlog : undefined };
  return quick
    ? { repeats: repeats ?? 3, limitMs: 400, warmMs: 4000, windowMs: 2000, idleMs: 3000, ...parts }
    : { repeats: repeats ?? 5, limitMs: 700, warmMs: 4000, windowMs: 4000, idleMs: 6000, ...parts };
}

/** Readings of counters are seldom, so that a run is longer than its times by about so many ms. */
const MARGIN_MS = 2500;
/** Files a second that the barest loop was never seen to reach. */
const SMALL_RATE = 5000;
const LARGE_RATE = 1500;
/** Messages of all runs before a broker that are waiting for nobody, bytes on the wire. */
const MOST_WAITING = 3 * 1024 * KB * KB;

/** What a message comes to on the wire at most, about. */
export const wireBytes = ({ bytes }: Pick<Load, 'bytes'>): number => bytes * 2 + 4000;

/** So many messages that a program of that rate (1/s) does not run out of them. */
export function messagesFor(load: Pick<Load, 'bytes'>, rate: number, { warmMs, windowMs }: Times): number {
  const enough = Math.ceil((rate * (warmMs + windowMs + MARGIN_MS)) / 1000);
  return Math.max(200, Math.min(enough, Math.floor(MOST_WAITING / wireBytes(load))));
}

/** What to count on before anything was measured, 1/s. */
export const mostRate = ({ bytes }: Pick<Load, 'bytes'>): number => (bytes > 10 * KB ? LARGE_RATE : SMALL_RATE);
