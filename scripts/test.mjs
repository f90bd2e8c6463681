// node scripts/test.mjs SUITE [part of a file name ...]: runs a suite of compiled tests with Node's test runner.
//   fast         *.test.ts                every package, service and test/: needs only Node
//   conformance  *.conformance.ts         needs what .ci/conformance installs, and root
//   faults       *.faults.ts              needs brokers, root, and options of its own: scripts/faults.mjs
//   brokers      *.brokers.ts             needs real brokers: npm run brokers:install
//   chart        *.chart.ts               needs helm, prometheus, alertmanager, fetch-crl, root
//   image        *.image.ts               needs Docker with Compose, prometheus
// With CI=true a skipped test is a failure.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { announce, readOptions, showResults, USAGE } from './faults.mjs';
import { showAsItGrows } from './progress.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const endings = {
  fast: '.test.js',
  conformance: '.conformance.js',
  brokers: '.brokers.js',
  faults: '.faults.js',
  chart: '.chart.js',
  image: '.image.js',
};
// Stacks of containers one after the other: each is as much as a small machine can carry.
const concurrency = { image: 1 };
const [suite = 'fast', ...args] = process.argv.slice(2);
const ending = endings[suite];
if (ending === undefined) {
  process.stderr.write(`No suite ${suite}: there are ${Object.keys(endings).join(', ')}.\n`);
  process.exit(2);
}

let options = { filters: args };
try {
  if (suite === 'faults') options = readOptions(args);
} catch (error) {
  process.stderr.write(`${error.message}\n${USAGE}`);
  process.exit(2);
}
const { filters, selection, report } = options;

/** Compiled tests of a project whose source still exists: what a removed source left in dist is not run. */
function testsOf(project) {
  const dist = path.join(root, project, 'dist');
  if (!existsSync(dist)) return [];
  return readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .filter((file) => existsSync(path.join(root, project, file.replace(/\.js$/, '.ts'))))
    .map((file) => path.join(project, 'dist', file));
}

const projects = [
  ...['packages', 'services'].flatMap((top) => readdirSync(path.join(root, top)).map((name) => path.join(top, name))),
  'test',
];
const files = projects
  .flatMap(testsOf)
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .toSorted((a, b) => (a < b ? -1 : 1));
if (files.length === 0) {
  process.stderr.write(`Suite ${suite}: no test file matches.\n`);
  process.exit(1);
}

const scratch = mkdtempSync(path.join(tmpdir(), 'ssm-test-'));
const [skipped, progress, results] = ['skipped', 'progress', 'results'].map((name) => path.join(scratch, name));
const env = { ...process.env, SSM_TEST_PROGRESS: progress, SSM_TEST_RESULTS: results };
if (selection !== undefined) {
  env.SSM_FAULTS = JSON.stringify(selection);
  announce(selection);
}
const endShowing = showAsItGrows(progress);
const runner = spawn(
  process.execPath,
  [
    '--enable-source-maps',
    '--test',
    `--test-concurrency=${concurrency[suite] ?? 2}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${path.join(root, 'scripts', 'skips-reporter.mjs')}`,
    `--test-reporter-destination=${skipped}`,
    ...files,
  ],
  { cwd: root, stdio: 'inherit', env },
);
const [status] = await once(runner, 'exit');
endShowing();
const textOf = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
const skips = textOf(skipped);
if (selection !== undefined) showResults(textOf(results), selection, report);
rmSync(scratch, { recursive: true, force: true });
if (skips !== '') process.stderr.write(`\nNot run:\n${skips}`);
process.exit(status === 0 && skips !== '' && process.env.CI === 'true' ? 1 : (status ?? 1));
