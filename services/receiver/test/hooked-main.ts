/**
 * The receiver, for tests that kill it: `node hooked-main.js STAGE COUNT [receiver options]` sends itself SIGKILL when the COUNT-th message
 * has ended STAGE. COUNT 0: never.
 */
import process from 'node:process';
import { receiverService, STAGES, type Stage } from '@ssm/receiver';
import { runService } from '@ssm/service-kit';

const [stage, count, ...args] = process.argv.slice(2);
const isStage = (name: string | undefined): name is Stage => STAGES.some((known) => known === name);
if (!isStage(stage) || !/^\d+$/.test(count ?? '')) {
  process.stderr.write(`usage: hooked-main ${STAGES.join('|')} COUNT [receiver options]\n`);
  process.exit(2);
}

let left = Number(count);
const service = receiverService('0.0.0-hooked', {
  onStage: (ended) => {
    if (ended !== stage || left === 0) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  },
});

process.exit(
  await runService(service, {
    args,
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    events: process,
    exit: (code) => process.exit(code),
  }),
);
