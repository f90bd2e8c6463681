import type { BrokerKind, Tool } from '@ssm/test-support';
import type { StageBroker } from '../stage/broker.js';
import type { Tally } from '../stage/ledger.js';
import type { Stage, StageOptions } from '../stage/stage.js';

/** What a fault measured, by name: `noticedSeconds`, `peakMiB`. */
type Figures = Readonly<Record<string, number | string>>;

/** How much of a fault is wanted: `short` in the rotation, `long` when everything is run. */
export type Pace = 'short' | 'long';

export interface Outcome {
  readonly tally: Tally;
  readonly figures?: Figures;
}

/** One fault, as a test with counted messages. Its name is its heading in docs/guarantees.md. */
export interface Fault {
  readonly name: string;
  /** How many brokers its stage has; default 1. */
  readonly brokers?: 1 | 2;
  readonly stage?: Pick<StageOptions, 'proxied' | 'layout' | 'config'>;
  /** Beyond Node and the broker. */
  readonly tools?: readonly Tool[];
  /** Runs on a machine of its own, so to say: a network namespace in which packets can be dropped. */
  readonly namespace?: boolean;
  /** Too large to be run on every broker: on one, whatever is asked for. */
  readonly single?: boolean;
  /** The broker must keep what it has when it is stopped. */
  readonly durable?: boolean;
  /** Largest frame that the broker must take. */
  readonly frameBytes?: number;
  /** Does its worst, then counts: {@link Stage.count}. Rejects when a promise was broken. */
  readonly run: (stage: Stage, pace: Pace) => Promise<Outcome>;
}

/** Whether a fault makes sense on a broker of that kind. */
export function suits(fault: Fault, kind: StageBroker['kind']): boolean {
  return kind !== 'devbroker' || fault.durable !== true;
}

/** A line of the report. */
export interface Result {
  readonly fault: string;
  readonly broker: BrokerKind | 'devbroker';
  /** As the broker says it. */
  readonly title: string;
  readonly seconds: number;
  readonly seed: string;
  readonly messages: number;
  readonly lost: number;
  readonly altered: number;
  readonly duplicated: number;
  readonly figures: Figures;
  readonly failed?: string;
}

/** Seconds since `start` (of performance.now()), with one decimal. */
export function secondsSince(start: number): number {
  return Math.round((performance.now() - start) / 100) / 10;
}
