// node scripts/test.mjs SUITE [part of a file name ...]: runs a suite of compiled tests with Node's test runner.
//   fast         *.test.ts                every package, service and test/: needs only Node
//   conformance  *.conformance.ts         needs the openssl command, python3-dirq, root
//   image        *.image.ts               needs Docker with Compose, prometheus
// With CI=true a skipped test is a failure.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const endings = { fast: '.test.js', conformance: '.conformance.js', image: '.image.js' };
// Stacks of containers one after the other: each is as much as a small machine can carry.
const concurrency = { image: 1 };
const [suite = 'fast', ...filters] = process.argv.slice(2);
const ending = endings[suite];
if (ending === undefined) {
  process.stderr.write(`No suite ${suite}: there are ${Object.keys(endings).join(', ')}.\n`);
  process.exit(2);
}

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
const skipped = path.join(scratch, 'skipped');
const result = spawnSync(
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
  { cwd: root, stdio: 'inherit' },
);
const skips = existsSync(skipped) ? readFileSync(skipped, 'utf8') : '';
rmSync(scratch, { recursive: true, force: true });
if (skips !== '') process.stderr.write(`\nNot run:\n${skips}`);
process.exit(result.status === 0 && skips !== '' && process.env.CI === 'true' ? 1 : (result.status ?? 1));
