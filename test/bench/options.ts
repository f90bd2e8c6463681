import { parseArgs } from 'node:util';
import { BROKER_KINDS, type BrokerKind } from '@ssm/test-support';

export const USAGE = `usage: npm run bench -- [options]
  --quick            three short repeats of fewer loads (about seven minutes); else five
  --broker NAME      devbroker (default), rabbitmq, activemq, artemis, or one of ${BROKER_KINDS.join(', ')}
  --only PART        only loads and checks with this in their name; may be repeated
  --repeats NUMBER   instead of three or five
  --backlog NUMBER   files, elements and ids of the part "growth"; default 100000
  --json             the results as JSON
  --markdown         the results as the table of docs/performance.md
  --directory DIR    where volumes are made; default: the system's temporary directory
`;

/** The brokers that can be meant, best first. */
const BROKERS: ReadonlyMap<string, readonly BrokerKind[] | 'devbroker'> = new Map<string, readonly BrokerKind[] | 'devbroker'>([
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
  /** undefined: as `quick` says. */
  readonly repeats: number | undefined;
  readonly backlog: number;
  readonly directory: string | undefined;
}

const DEFAULT_BACKLOG = '100000';
/** Less would be gone before it was measured. */
const SMALLEST_BACKLOG = 10_000;

function numberOf(name: string, text: string, smallest: number): number {
  if (!/^\d{1,8}$/.test(text) || Number(text) < smallest) throw new RangeError(`--${name} must be a number from ${smallest} on`);
  return Number(text);
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
      repeats: { type: 'string' },
      backlog: { type: 'string', default: DEFAULT_BACKLOG },
      directory: { type: 'string' },
    },
  });
  const broker = BROKERS.get(values.broker);
  if (broker === undefined) throw new RangeError(`--broker must be one of ${[...BROKERS.keys()].join(', ')}`);
  if (values.json && values.markdown) throw new RangeError('--json or --markdown, not both');
  const output = values.json ? 'json' : values.markdown ? 'markdown' : 'text';
  const repeats = values.repeats === undefined ? undefined : numberOf('repeats', values.repeats, 1);
  const backlog = numberOf('backlog', values.backlog, SMALLEST_BACKLOG);
  return { quick: values.quick, output, broker, only: values.only, repeats, backlog, directory: values.directory };
}
