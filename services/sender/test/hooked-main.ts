// A sender that kills itself when the COUNTth element passes the boundary STAGE:
//   node hooked-main.js --kill-stage=STAGE [--kill-count=COUNT] [--kill-delay=MS] [options of the sender]
// STAGE is one of scan, claim, seal, publish, confirm, remove. At `publish` the message is handed to the transport and the answer
// of the broker is not known; --kill-delay gives it time to travel.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { runService } from '@ssm/service-kit';
import { STAGES, type Stage, type StageHook, senderService } from '../src/index.js';

const OWN = /^--(kill-stage|kill-count|kill-delay)=(.*)$/;

function ownOptions(args: readonly string[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const arg of args) {
    const [, name, value] = OWN.exec(arg) ?? [];
    if (name !== undefined && value !== undefined) options.set(name, value);
  }
  return options;
}

function stageOf(text: string | undefined): Stage {
  const stage = STAGES.find((one) => one === text);
  if (stage === undefined) throw new Error(`--kill-stage must be one of ${STAGES.join(', ')}`);
  return stage;
}

function killAt(stage: Stage, count: number, delayMs: number): StageHook {
  let left = count;
  return async (passed) => {
    if (passed !== stage) return;
    left -= 1;
    if (left !== 0) return;
    if (delayMs > 0) await sleep(delayMs);
    process.kill(process.pid, 'SIGKILL');
    // Nothing after the boundary may happen while the signal is on its way.
    await new Promise(() => undefined);
  };
}

const args = process.argv.slice(2);
const own = ownOptions(args);
const onStage = killAt(stageOf(own.get('kill-stage')), Number(own.get('kill-count') ?? 1), Number(own.get('kill-delay') ?? 0));
const { env, stdout, stderr } = process;
const host = {
  args: args.filter((arg) => !OWN.test(arg)),
  env,
  stdout,
  stderr,
  events: process,
  exit: (code: number) => process.exit(code),
};
process.exit(await runService(senderService('0.0.0-hooked', { onStage }), host));
