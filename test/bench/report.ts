import process from 'node:process';
import { bytes as sizeText, table } from '../demo/table.js';
import type { Measurement } from './measurement.js';

const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

function shown(unit: string, amount: number): string {
  if (unit === 'bytes') return sizeText(Math.round(amount));
  if (unit === 'bytes/s') return `${sizeText(Math.round(amount))}/s`;
  return unit === '1/s' ? `${number(amount)} /s` : `${number(amount)} ${unit}`;
}

/** `at least 0.45`. */
export const targetText = ({ target }: Pick<Measurement, 'target'>): string => (target === null ? '' : `${target.kind} ${target.share}`);

/** Whether the target is reached; nothing where there is none. */
export const mark = ({ reached }: Pick<Measurement, 'reached'>): string => (reached === null ? '' : reached ? 'reached' : 'MISSED');

export const HEAD = ['what', 'median', 'spread', 'held against', 'share', 'target', ''];

export function rowOf(measurement: Measurement): string[] {
  const { name, unit, value, lowest, highest, limit, limitIs, share } = measurement;
  return [
    name,
    shown(unit, value),
    lowest === highest ? '' : `${shown(unit, lowest)} to ${shown(unit, highest)}`,
    limit === null ? '' : `${shown(unit, limit)} (${limitIs?.replace('limit: ', '')})`,
    share === null ? '' : share.toFixed(2),
    targetText(measurement),
    mark(measurement),
  ];
}

export interface Result {
  readonly node: string;
  readonly cores: number;
  readonly processor: string;
  readonly broker: string;
  readonly quick: boolean;
  readonly measurements: readonly Measurement[];
}

const cells = (row: readonly string[]): string => `| ${row.join(' | ')} |`;

export function write(result: Result, output: 'text' | 'json' | 'markdown'): void {
  const rows = result.measurements.map(rowOf);
  const where = `Node ${result.node}, ${result.cores} cores (${result.processor}), ${result.broker}${result.quick ? ', --quick' : ''}.`;
  if (output === 'json') process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  else if (output === 'text') process.stdout.write(`\n${where}\n\n${table([HEAD, ...rows])}\n`);
  else process.stdout.write(`${[where, '', cells(HEAD), cells(HEAD.map(() => '---')), ...rows.map(cells)].join('\n')}\n`);
}
