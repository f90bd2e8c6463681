// One fault on a broker of its own: `apart-main.js FAULT KIND SEED PACE`. Started by apart.ts, in a network namespace.
import process from 'node:process';
import { Fleet } from './fleet.js';
import { FAULTS } from './list.js';
import { runFault } from './run.js';
import type { Kind } from './selection.js';

const [name, kind, seed = '', pace] = process.argv.slice(2);
const fault = FAULTS.find((one) => one.name === name);
if (fault === undefined || kind === undefined) throw new RangeError('usage: apart-main.js FAULT KIND SEED PACE');
const fleet = new Fleet(kind as Kind);
try {
  await runFault({ fault, fleet, seed, pace: pace === 'long' ? 'long' : 'short' });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await fleet.end();
}
