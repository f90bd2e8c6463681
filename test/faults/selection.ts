import process from 'node:process';
import { BROKER_KINDS } from '@ssm/test-support';
import type { StageBroker } from '../stage/broker.js';
import { type Fault, type Pace, suits } from './fault.js';

export type Kind = StageBroker['kind'];

/** What is to be run; scripts/test.mjs hands it on in SSM_FAULTS as JSON. */
export interface Selection {
  readonly rotation: number;
  /** Every fault on every broker, and long. */
  readonly all: boolean;
  /** Only these; empty: all. */
  readonly brokers: readonly string[];
  readonly faults: readonly string[];
  readonly seed: string;
}

const DAY_MS = 86_400_000;

/** Without a word from outside: today's rotation. */
export function selection(): Selection {
  const { SSM_FAULTS: given = '{}' } = process.env;
  const day = Math.floor(Date.now() / DAY_MS);
  return { rotation: day, all: false, brokers: [], faults: [], seed: `day ${day}`, ...JSON.parse(given) };
}

/** The faults to be run on brokers of a kind. In the rotation each fault is run on one, and on the next kind when the rotation goes on by one. */
export function faultsFor(kind: Kind, faults: readonly Fault[], { rotation, all, brokers, faults: names }: Selection): Fault[] {
  const kinds: readonly string[] = BROKER_KINDS;
  const isTurn = (fault: Fault, index: number): boolean => {
    if (all && fault.single !== true) return kind !== 'devbroker';
    return kinds[(index + rotation) % kinds.length] === kind;
  };
  return faults.filter((fault, index) => {
    if (names.length > 0 && !names.includes(fault.name)) return false;
    const wanted = brokers.length > 0 ? brokers.includes(kind) : isTurn(fault, index);
    return wanted && suits(fault, kind);
  });
}

export const paceOf = ({ all }: Selection): Pace => (all ? 'long' : 'short');
