import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const OWN = /^--(kill-stage|kill-count|kill-delay)=(.*)$/;

/** What a service's main for tests makes of its command line. */
export interface KillHook<Stage extends string> {
  /** The arguments that are the service's. */
  readonly args: readonly string[];
  readonly onStage: (stage: Stage) => Promise<void>;
}

/**
 * Reads `--kill-stage=STAGE [--kill-count=COUNT] [--kill-delay=MS]`: the process kills itself (SIGKILL) when the boundary of STAGE is passed
 * for the COUNTth time (default 1), MS milliseconds (default 0) afterwards.
 */
export function killHook<const Stage extends string>(stages: readonly Stage[], args: readonly string[]): KillHook<Stage> {
  const own = new Map<string, string>();
  for (const arg of args) {
    const [, name, value] = OWN.exec(arg) ?? [];
    if (name !== undefined && value !== undefined) own.set(name, value);
  }
  const stage = stages.find((one) => one === own.get('kill-stage'));
  if (stage === undefined) throw new Error(`--kill-stage must be one of ${stages.join(', ')}`);
  let left = Number(own.get('kill-count') ?? 1);
  const delay = Number(own.get('kill-delay') ?? 0);
  const onStage = async (passed: Stage): Promise<void> => {
    if (passed !== stage) return;
    left -= 1;
    if (left !== 0) return;
    if (delay > 0) await sleep(delay);
    process.kill(process.pid, 'SIGKILL');
    // Nothing after the boundary may happen while the signal is on its way.
    await new Promise(() => undefined);
  };
  return { args: args.filter((arg) => !OWN.test(arg)), onStage };
}
