import process from 'node:process';
import { runService } from '@ssm/service-kit';
import { replayService } from './service.js';
import { readVersion } from './version.js';

const { argv, env, stderr, stdout } = process;
const args = argv.slice(2);

process.exit(
  await runService(replayService(readVersion()), {
    // The configured port may be that of a running receiver.
    args: args.some((arg) => arg.startsWith('--ops.port')) ? args : [...args, '--ops.port=0'],
    env,
    stdout,
    stderr,
    events: process,
    exit: (code) => process.exit(code),
  }),
);
