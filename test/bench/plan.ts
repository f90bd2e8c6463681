import { parseArgs } from 'node:util';
import { BROKER_KINDS, type BrokerKind } from '@ssm/test-support';

export const USAGE = `usage: npm run bench -- [options]
  --quick            three short repeats of fewer loads (about two minutes); else five
  --broker NAME      devbroker (default), rabbitmq, activemq, artemis, or one of ${BROKER_KINDS.join(', ')}
  --only PART        only loads and checks with this in their name; may be repeated
  --json             the results as JSON
  --markdown         the results as the table of docs/performance.md
  --directory DIR    where volumes are made; default: the system's temporary directory
`;

export type KeyName = 'RSA' | 'P-256';

/** What goes through a sender and then through a receiver. */
export interface Load {
  readonly bytes: number;
  readonly encrypted: boolean;
  readonly key: KeyName;
  /** Mutual TLS to the broker. */
  readonly tls: boolean;
}

/** The brokers that can be meant, best first. */
export const BROKERS: ReadonlyMap<string, readonly BrokerKind[] | 'devbroker'> = new Map<string, readonly BrokerKind[] | 'devbroker'>([
  ['devbroker', 'devbroker'],
  ['rabbitmq', ['rabbitmq4', 'rabbitmq3']],
  ['activemq', ['activemq6', 'activemq5']],
  ...BROKER_KINDS.map((kind) => [kind, [kind]] as const),
]);

export interface BenchOptions {
  readonly quick: boolean;
  readonly output: 'text' | 'json' | 'markdown';
  readonly broker: readonly BrokerKind[] | 'devbroker';
  /** Parts of names; empty: everything. */
  readonly only: readonly string[];
  readonly directory: string | undefined;
}

/** Throws (TypeError of parseArgs, RangeError) for what is no option. */
export function readOptions(args: readonly string[]): BenchOptions {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: flag,
      json: flag,
      markdown: flag,
      broker: { type: 'string', default: 'devbroker' },
      only: { type: 'string', multiple: true, default: [] },
      directory: { type: 'string' },
    },
  });
  const broker = BROKERS.get(values.broker);
  if (broker === undefined) throw new RangeError(`--broker must be one of ${[...BROKERS.keys()].join(', ')}`);
  if (values.json && values.markdown) throw new RangeError('--json or --markdown, not both');
  const output = values.json ? 'json' : values.markdown ? 'markdown' : 'text';
  return { quick: values.quick, output, broker, only: values.only, directory: values.directory };
}

export interface Plan {
  readonly repeats: number;
  /** How long a limit is measured, ms. */
  readonly limitMs: number;
  /** How long a service is measured, ms. */
  readonly windowMs: number;
  /** How long services are left alone to see what they cost when idle, ms. */
  readonly idleMs: number;
  readonly loads: readonly Load[];
  /** Whether start, idle and the largest messages are measured. */
  readonly still: boolean;
}

/** What `--only` calls that. */
export const STILL = 'start, idle and 20 MB';

const KB = 1024;
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
export const wanted = (name: string, only: readonly string[]): boolean => only.length === 0 || only.some((part) => name.includes(part));

export function planOf({ quick, only }: Pick<BenchOptions, 'quick' | 'only'>): Plan {
  const loads = (quick ? QUICK : FULL).filter((load) => wanted(loadName(load), only));
  const more = { loads, still: wanted(STILL, only) };
  return quick
    ? { repeats: 3, limitMs: 400, windowMs: 2000, idleMs: 3000, ...more }
    : { repeats: 5, limitMs: 1500, windowMs: 5000, idleMs: 10_000, ...more };
}

/** What the machine can do, by name, in calls a second or bytes a second. */
export type Limits = ReadonlyMap<string, number>;

export const LIMIT = {
  sign: { RSA: 'limit: RSA-2048 signatures', 'P-256': 'limit: EC P-256 signatures' },
  verify: { RSA: 'limit: RSA-2048 verifications', 'P-256': 'limit: EC P-256 verifications' },
  decrypt: 'limit: RSA-2048 private-key operations, two threads',
  decryptOne: 'RSA-2048 private-key operations, main thread alone',
  durable: (bytes: number) => `limit: durable adds, ${bytes / KB} KB`,
  bytes: (encrypted: boolean) => `limit: base64, SHA-256${encrypted ? ', AES-128 and base64' : ''}`,
} as const;

/** Something without which a message cannot be done. */
export interface Bound {
  readonly of: string;
  /** Messages a second. */
  readonly limit: number;
  /** Share of it that a service must reach. */
  readonly share: number;
}

/** The lowest of what a service cannot do without for a message of this load. */
export function boundOf(service: 'sender' | 'receiver', load: Load, limits: Limits): Bound {
  const bound = (of: string, share: number, per = 1): Bound => ({ of, limit: (limits.get(of) ?? Number.NaN) / per, share });
  const byBytes = bound(LIMIT.bytes(load.encrypted), 0.6, load.bytes);
  const bounds =
    service === 'sender'
      ? [bound(LIMIT.sign[load.key], 0.45), byBytes]
      : [
          bound(LIMIT.durable(load.bytes), 0.5),
          bound(LIMIT.verify[load.key], 0.5),
          ...(load.encrypted ? [bound(LIMIT.decrypt, 0.5)] : []),
          byBytes,
        ];
  return bounds.reduce((lowest, one) => (one.limit < lowest.limit ? one : lowest));
}

/** Enough that a sender does not run out within a window, and not more than the development broker's memory. */
export function messagesFor(load: Load, limits: Limits, windowMs: number): number {
  const wireBytes = load.bytes * 2 + 4000;
  const enough = (boundOf('sender', load, limits).limit * windowMs * 0.9) / 1000;
  return Math.max(200, Math.min(Math.ceil(enough), Math.floor((350 * KB * KB) / wireBytes)));
}
