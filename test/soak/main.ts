import process from 'node:process';
import { CleanUp } from '../stage/clean-up.js';
import { readOptions, toRepeat } from './options.js';
import { soak } from './soak.js';

// npm run test:soak [-- options]: all faults at random from a seed, while files flow; then every byte is compared.

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const options = readOptions(process.argv.slice(2));
say(`Soak: ${toRepeat(options)}`);
if (options.kind === 'devbroker')
  say('The development broker keeps nothing when it ends: it is not restarted. For real ones: npm run brokers:install');

const scope = new CleanUp();
let cleaning: Promise<void> | undefined;
// A terminal and npm both deliver a Ctrl-C; the second must not end the cleaning.
const interrupted = (signal: NodeJS.Signals): void => {
  if (cleaning === undefined) say(`${signal}: cleaning up (seed ${options.seed})`);
  cleaning ??= scope.run().finally(() => process.exit(1));
};
process.on('SIGINT', interrupted).on('SIGTERM', interrupted);

try {
  const checks = await soak(scope, options, say);
  const failed = checks.filter(({ wrong }) => wrong.length > 0).length;
  say(`${checks.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
} catch (error) {
  say(`${error instanceof Error ? error.stack : String(error)}\nTo repeat: ${toRepeat(options)}\n0 passed, 1 failed`);
  process.exitCode = 1;
} finally {
  await scope.run();
}
