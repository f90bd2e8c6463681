import process from 'node:process';
import { parseArgs } from 'node:util';
import { BROKER_KINDS, type BrokerKind, missingBroker } from '@ssm/test-support';
import type { Layout } from '../stage/outgoing.js';

const USAGE = `usage: npm run test:soak -- [options]
  --messages N           how many files go through (2000)
  --minutes M            for so long faults are thrown at it (2)
  --seed TEXT            of another run, to repeat it as far as that is possible: see below
  --broker KIND          ${BROKER_KINDS.join(', ')} or devbroker; default: the first of them that is installed
  --brokers N            independent brokers (1)
  --senders N            on one outgoing volume (1)
  --receivers N          (2)
  --volumes shared|own   receivers on one incoming volume, or with one each, where a message may be stored twice (shared)
  --layout dirq|directory
  --encrypted            encrypt as well as sign
  --loader own|dirq      who empties incoming: this program, or python3-dirq; default: the seed decides
  --only FAULT           only this fault; may be repeated

A seed decides the files and their bytes, and which faults come in which order, on whom, after which pause and for how long. It cannot decide what the
processes are doing at that moment, nor how many faults there is time for: these are another machine's, and another run's.
`;

export interface SoakOptions {
  readonly messages: number;
  readonly minutes: number;
  readonly seed: string;
  readonly kind: BrokerKind | 'devbroker';
  readonly brokers: number;
  readonly senders: number;
  readonly receivers: number;
  readonly volumes: 'shared' | 'own';
  readonly layout: Layout;
  readonly encrypted: boolean;
  readonly loader: 'own' | 'dirq' | undefined;
  /** Names of faults; empty: all. */
  readonly only: readonly string[];
}

function numberOf(name: string, text: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (!(value >= lowest && value <= highest)) throw new RangeError(`--${name} must be a number from ${lowest} to ${highest}`);
  return value;
}

function wholeOf(name: string, text: string, highest: number): number {
  const value = numberOf(name, text, 1, highest);
  if (!Number.isInteger(value)) throw new RangeError(`--${name} must be a whole number`);
  return value;
}

function oneOf<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((one) => one === text);
  if (choice === undefined) throw new RangeError(`--${name} must be one of ${choices.join(', ')}`);
  return choice;
}

function parsed(args: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      messages: { type: 'string', default: '2000' },
      minutes: { type: 'string', default: '2' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      broker: { type: 'string' },
      brokers: { type: 'string', default: '1' },
      senders: { type: 'string', default: '1' },
      receivers: { type: 'string', default: '2' },
      volumes: { type: 'string', default: 'shared' },
      layout: { type: 'string', default: 'dirq' },
      encrypted: { type: 'boolean', default: false },
      loader: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return process.exit(0);
  }
  return {
    messages: wholeOf('messages', values.messages, 1_000_000),
    minutes: numberOf('minutes', values.minutes, 0.05, 10_000),
    seed: values.seed,
    kind: values.broker === undefined ? firstInstalled() : oneOf('broker', values.broker, [...BROKER_KINDS, 'devbroker']),
    brokers: wholeOf('brokers', values.brokers, 4),
    senders: wholeOf('senders', values.senders, 4),
    receivers: wholeOf('receivers', values.receivers, 4),
    volumes: oneOf('volumes', values.volumes, ['shared', 'own']),
    layout: oneOf('layout', values.layout, ['dirq', 'directory']),
    encrypted: values.encrypted,
    loader: values.loader === undefined ? undefined : oneOf('loader', values.loader, ['own', 'dirq'] as const),
    only: values.only,
  };
}

function firstInstalled(): SoakOptions['kind'] {
  return BROKER_KINDS.find((kind) => missingBroker(kind) === false) ?? 'devbroker';
}

/** Ends the process where the options are wrong, and where the broker that was asked for is not installed. */
export function readOptions(args: readonly string[]): SoakOptions {
  try {
    const options = parsed(args);
    const missing = options.kind !== 'devbroker' && missingBroker(options.kind);
    if (missing !== false) throw new Error(`${options.kind} ${missing}`);
    return options;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return process.exit(2);
  }
}

/** The command line that does the same again. */
export function toRepeat(options: SoakOptions): string {
  const { messages, minutes, seed, kind, brokers, senders, receivers, volumes, layout, encrypted, loader, only } = options;
  const word = /^[\w.-]+$/.test(seed) ? seed : JSON.stringify(seed);
  return [
    `npm run test:soak -- --messages ${messages} --minutes ${minutes} --seed ${word} --broker ${kind} --brokers ${brokers}`,
    `--senders ${senders} --receivers ${receivers} --volumes ${volumes} --layout ${layout}`,
    ...(encrypted ? ['--encrypted'] : []),
    ...(loader === undefined ? [] : [`--loader ${loader}`]),
    ...only.map((name) => `--only ${name}`),
  ].join(' ');
}
