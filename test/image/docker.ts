import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { after } from 'node:test';
import type { Scope } from '@ssm/test-support';
import { root } from '../support/services.js';

/** For what a whole suite makes in its `before`: call it in the body of the suite. Last made, first removed, each whatever the others did. */
export function suiteScope(): Scope {
  const steps: Parameters<Scope['after']>[0][] = [];
  after(async () => {
    const outcomes = [];
    for (const step of steps.toReversed()) outcomes.push(...(await Promise.allSettled([Promise.resolve().then(step)])));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  });
  return { after: (step) => void steps.push(step) };
}

export interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** For standard input. */
  readonly input?: string;
}

/** Runs a command to its end, whatever its exit code. */
export async function run(
  command: string,
  args: readonly string[],
  { cwd = root, env = {}, input = '' }: RunOptions = {},
): Promise<Output> {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk;
    });
  // A command that does not read it is no fault.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  await once(child, 'close');
  return { code: child.exitCode, ...text };
}

/** Standard output without white space at its ends. Rejects with everything it printed when the command fails. */
export async function must(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`);
  return stdout.trim();
}

export const docker = (...args: readonly string[]): Promise<string> => must('docker', args);

export const VERSION = '9.8.7';
export const REVISION = '0123456789abcdef0123456789abcdef01234567';
export const SOURCE = 'https://example.org/ssm';

/** Builds a target of the Dockerfile under a name of this process's own, which is removed when the test ends. Resolves with the name. */
export async function buildImage(scope: Scope, target: string, args: readonly string[] = []): Promise<string> {
  const name = `ssm-image-test:${target}-${process.pid}`;
  const labels = [`VERSION=${VERSION}`, `REVISION=${REVISION}`, `SOURCE=${SOURCE}`].flatMap((each) => ['--build-arg', each]);
  await docker('build', '--quiet', '--tag', name, '--target', target, ...labels, ...args, root);
  scope.after(() => run('docker', ['image', 'rm', '--force', name]).then(() => undefined));
  return name;
}

/** The first of what `docker inspect` shows. */
export async function inspect<T>(name: string): Promise<T> {
  const [first] = JSON.parse(await docker('inspect', name)) as T[];
  if (first === undefined) throw new Error(`${name} is not there`);
  return first;
}
