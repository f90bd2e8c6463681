import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { summarise } from './measurement.js';
import { type BenchOptions, readOptions, USAGE } from './options.js';
import { write } from './report.js';
import { run } from './run.js';

// npm run bench: what this machine can do at all, what the services do, and the share. What is measured: docs/performance.md.

async function bench(options: BenchOptions): Promise<void> {
  const directory = mkdtempSync(path.join(options.directory ?? tmpdir(), 'ssm-bench-'));
  const steps: (() => void | Promise<void>)[] = [];
  // An exit kills the services and brokers that were started; a signal by itself would leave them.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      rmSync(directory, { recursive: true, force: true });
      process.exit(1);
    });
  try {
    const { broker, figures } = await run({ after: (step) => void steps.unshift(step) }, directory, options);
    const machine = { node: process.version, cores: cpus().length, processor: cpus()[0]?.model ?? 'unknown' };
    write({ ...machine, broker, quick: options.quick, measurements: summarise(figures) }, options.output);
  } finally {
    for (const step of steps) await step();
    process.stderr.write('removing what was made\n');
    rmSync(directory, { recursive: true, force: true });
  }
}

function optionsOf(args: readonly string[]): BenchOptions | undefined {
  try {
    return readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return undefined;
  }
}

const options = optionsOf(process.argv.slice(2));
if (options === undefined) process.exitCode = 2;
else await bench(options);
