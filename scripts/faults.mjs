// What `npm run test:faults` takes on its command line, and the table at its end.
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';

const DAY_MS = 86_400_000;
export const USAGE = `usage: npm run test:faults -- [--rotation N] [--all] [--broker KIND]... [--fault NAME]... [--seed TEXT] [--report FILE]
  Without an option: each fault on one broker, another one every day.
`;
const several = { type: 'string', multiple: true, default: [] };
const options = {
  rotation: { type: 'string' },
  all: { type: 'boolean', default: false },
  broker: several,
  fault: several,
  seed: { type: 'string' },
  report: { type: 'string' },
};

/** Throws where the options are wrong. */
export function readOptions(args) {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const rotation = Number(values.rotation ?? Math.floor(Date.now() / DAY_MS));
  if (!Number.isSafeInteger(rotation) || rotation < 0) throw new RangeError('--rotation is not a number');
  const { all, broker: brokers, fault: faults, seed = String(Date.now() % 1_000_000), report } = values;
  // A file a kind of broker; one with nothing to do would be counted as a test.
  const filters = [...positionals, ...brokers.map((kind) => `on-${kind}.`)];
  return { filters, report, selection: { rotation, all, brokers, faults, seed } };
}

export function announce({ rotation, all, seed }) {
  const which = all ? 'all faults on all brokers' : `rotation ${rotation % 5} of 5`;
  process.stdout.write(
    `Faults: ${which}. To repeat: npm run test:faults -- ${all ? '--all' : `--rotation ${rotation}`} --seed ${JSON.stringify(seed)}\n`,
  );
}

const COLUMNS = ['fault', 'broker', 'messages', 'seconds', 'lost', 'altered', 'duplicated'];

/** Shows the results (a line of JSON each) as a table, and writes them where the report is wanted. */
export function showResults(text, selection, report) {
  const results = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const rows = results.map((result) => {
    const figures = Object.entries(result.figures).map(([name, value]) => `${name} ${value}`);
    return [
      ...COLUMNS.map((column) => String(result[column])),
      result.failed === undefined ? figures.join(', ') : `FAILED: ${result.failed}`,
    ];
  });
  const all = [[...COLUMNS, 'figures'], ...rows];
  const widths = COLUMNS.map((_, index) => Math.max(...all.map((row) => row[index].length)));
  for (const row of all) process.stdout.write(`${row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')}\n`);
  if (report !== undefined) writeFileSync(report, `${JSON.stringify({ ...selection, results }, undefined, 2)}\n`);
}
