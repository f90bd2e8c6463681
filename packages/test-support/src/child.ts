import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import process, { env, execPath } from 'node:process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Scope } from './scope.js';
import { eventually } from './wait.js';

/** Older lines are forgotten, so that a chatty child does not fill the memory. */
const MAXIMUM_LINES = 20_000;
const SHOWN_LINES = 20;

export interface ChildOptions {
  readonly cwd?: string;
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Only root can ask for these. */
  readonly uid?: number;
  readonly gid?: number;
  /** File that every line is added to as it comes: what {@link Child.lines} forgets is still there. */
  readonly transcript?: string;
}

export interface ChildLine {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  /** What it has printed so far, in the order in which it arrived. */
  readonly lines: readonly ChildLine[];
  /** Text of one stream so far. */
  output(stream?: ChildLine['stream']): string;
  /**
   * The first line that matches, printed before or after the call; `from` leaves out that many lines of {@link Child.lines}. Rejects after
   * `timeout` ms (default 10,000), and at once when the child has ended without such a line.
   */
  waitForLine(pattern: RegExp, options?: { readonly timeout?: number; readonly from?: number }): Promise<RegExpExecArray>;
  /** True when it was still there. */
  signal(name: NodeJS.Signals): boolean;
  /** Resolves when it has ended and everything it printed was read. */
  readonly exited: Promise<ChildExit>;
  /** Undefined while it runs. */
  readonly exit: ChildExit | undefined;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

class RunningChild implements Child {
  readonly lines: ChildLine[] = [];
  readonly pid: number;
  readonly exited: Promise<ChildExit>;
  exit: ChildExit | undefined;
  readonly #process: ChildProcess;

  constructor(child: ChildProcess, streams: Readonly<Record<ChildLine['stream'], Readable>>, transcript: string | undefined) {
    this.#process = child;
    this.pid = child.pid ?? 0;
    this.exited = this.#ended();
    for (const stream of ['stdout', 'stderr'] as const)
      createInterface({ input: streams[stream], crlfDelay: Number.POSITIVE_INFINITY }).on('line', (text) => {
        this.lines.push({ stream, text });
        if (transcript !== undefined) appendFileSync(transcript, `${text}\n`);
        if (this.lines.length > MAXIMUM_LINES) this.lines.shift();
      });
  }

  async #ended(): Promise<ChildExit> {
    running.add(this.#process);
    await once(this.#process, 'close');
    running.delete(this.#process);
    this.exit = { code: this.#process.exitCode, signal: this.#process.signalCode };
    return this.exit;
  }

  output(stream?: ChildLine['stream']): string {
    const wanted = this.lines.filter((line) => stream === undefined || line.stream === stream);
    return wanted.map((line) => `${line.text}\n`).join('');
  }

  async waitForLine(pattern: RegExp, options: { timeout?: number; from?: number } = {}): Promise<RegExpExecArray> {
    let next = options.from ?? 0;
    const look = (): RegExpExecArray | undefined => {
      for (; next < this.lines.length; next += 1) {
        const match = pattern.exec(this.lines[next]?.text ?? '');
        if (match !== null) return match;
      }
      return undefined;
    };
    // The exit is looked at before the lines: all lines are there when the exit is.
    const found = await eventually(
      () => {
        const ended = this.exit;
        return look() ?? (ended !== undefined && { ended });
      },
      { timeout: options.timeout ?? 10_000, what: `a line like ${pattern} from process ${this.pid}` },
    );
    if (!('ended' in found)) return found;
    const last = this.lines.slice(-SHOWN_LINES).map((line) => line.text);
    throw new Error(`process ${this.pid} ended (${JSON.stringify(found.ended)}) without a line like ${pattern}:\n${last.join('\n')}`);
  }

  signal(name: NodeJS.Signals): boolean {
    return this.#process.kill(name);
  }
}

/** Starts a command; whatever becomes of the test, it is killed (by its process id) when the test ends. Rejects when it cannot be started. */
export async function startCommand(
  scope: Scope,
  command: string,
  args: readonly string[] = [],
  options: ChildOptions = {},
): Promise<Child> {
  const started = spawn(command, args, { ...options, env: { ...env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  await once(started, 'spawn');
  const child = new RunningChild(started, { stdout: started.stdout, stderr: started.stderr }, options.transcript);
  scope.after(async () => {
    started.kill('SIGKILL');
    // A grandchild may hold the pipes open for ever.
    started.stdout.destroy();
    started.stderr.destroy();
    await child.exited;
  });
  return child;
}

/** Starts a script with this process's Node. */
export async function startNode(scope: Scope, script: string, args: readonly string[] = [], options: ChildOptions = {}): Promise<Child> {
  return await startCommand(scope, execPath, ['--enable-source-maps', script, ...args], options);
}
