/**
 * A thread for jobs that keep a processor busy. There is none until the main thread is the limit, and none any more when there is little to
 * do: an idle one takes 15 MB for nothing.
 */
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import type { Answers, Batch } from './batch.js';
import { Load } from './load.js';

/** The main thread is the limit when it was at work for this share, at least, of a time of BUSY_MS or more. */
const BUSY = 0.7;
const BUSY_MS = 250;
/** There is little to do when the thread was at work for less than this share of the time since the last look, about QUIET_MS ago. */
const QUIET = 0.1;
const QUIET_MS = 5000;
/** A thread that has jobs and gives no answer for this time is ended. */
const PATIENCE_MS = 60_000;
/** After a thread that failed there is none for this time. */
const PAUSE_MS = 60_000;
/** Of V8's young generation, MiB: what a job leaves behind is collected often, in place of taking more memory. */
const YOUNG_GENERATION = 8;

export interface JobThreadOptions {
  /** The module of the thread: it calls serveJobs(). */
  readonly module: URL;
  /** There is no processor for it. */
  readonly disabled: boolean;
  /** The thread could not start, ended by itself, or gave no answer; there is none for a minute. */
  readonly onFailure: (error: Error) => void;
  /** For tests: milliseconds between looks at the thread. */
  readonly lookMs?: number;
  /** For tests: milliseconds without an answer. */
  readonly patienceMs?: number;
}

export class JobThread<Setup, Job, Result> {
  readonly #options: JobThreadOptions;
  readonly #load = new Load(() => performance.eventLoopUtilization());
  #running: Running<Setup, Job, Result> | undefined;
  #looks: NodeJS.Timeout | undefined;
  #pausedUntil = 0;
  #isClosed = false;

  constructor(options: JobThreadOptions) {
    this.#options = options;
  }

  /** It takes jobs. While it loads its code it does not. */
  get isReady(): boolean {
    return this.#running?.isReady === true;
  }

  /**
   * Has the thread do the job, which is made when there is one. Resolves to undefined when there is none, or it cannot do it: then whoever
   * asked does it. The setup is sent once as long as it is the same object. Rejects only when the job cannot be made.
   */
  async run(setup: Setup, job: () => Job): Promise<Result | undefined> {
    if (this.#running === undefined) this.#startIfBusy();
    return this.isReady ? await this.#running?.run(setup, job()) : undefined;
  }

  #startIfBusy(): void {
    if (this.#options.disabled || this.#isClosed || (this.#load.over(BUSY_MS) ?? 0) < BUSY) return;
    if (performance.now() < this.#pausedUntil) return;
    try {
      this.#running = new Running(this.#options.module, (error) => this.#failed(error));
      this.#looks = setInterval(() => this.#look(), this.#options.lookMs ?? QUIET_MS).unref();
    } catch (error) {
      // There may be no more threads or processes for this user.
      this.#failed(errorOf(error));
    }
  }

  #look(): void {
    const running = this.#running;
    if (running === undefined) return;
    const { lookMs = QUIET_MS, patienceMs = PATIENCE_MS } = this.#options;
    if (running.isReady && !running.isWaiting) {
      if (running.share(lookMs / 2) < QUIET) void this.#end();
      // An answer may be there, and this thread have stood still: that shows after what is there was taken.
    } else if (running.silentMs > patienceMs) setImmediate(() => this.#endIfSilent(running, patienceMs));
  }

  #endIfSilent(running: Running<Setup, Job, Result>, patienceMs: number): void {
    if (running === this.#running && running.silentMs > patienceMs) this.#failed(new Error('the thread gives no answer'));
  }

  #failed(error: Error): void {
    this.#pausedUntil = performance.now() + PAUSE_MS;
    void this.#end();
    this.#options.onFailure(error);
  }

  async #end(): Promise<void> {
    clearInterval(this.#looks);
    const running = this.#running;
    this.#running = undefined;
    await running?.close();
  }

  /** Ends it for good. What it has not done is given back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }
}

class Running<Setup, Job, Result> {
  readonly #worker: Worker;
  readonly #load: Load;
  readonly #ended: (error: Error) => void;
  /** Of the jobs in order: those that the thread has, and then those that it gets next. */
  readonly #waiting: ((result: Result | undefined) => void)[] = [];
  /** What the jobs that are gathered now are done with. */
  #setup: Setup | undefined;
  /** What those are done with that the thread has. */
  #given: Setup | undefined;
  #jobs: Job[] = [];
  /** Number of the next job that is given, and of the next that is answered. */
  #sent = 0;
  #answered = 0;
  /** When something came from the thread last, or it was given something while it had nothing. */
  #heard = performance.now();
  #isReady = false;
  #isOver = false;

  /** `ended`: told once, when the thread ended by itself. Throws when it cannot be started. */
  constructor(module: URL, ended: (error: Error) => void) {
    this.#ended = ended;
    this.#worker = new Worker(module, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION } });
    this.#load = new Load(() => this.#worker.performance.eventLoopUtilization());
    this.#worker.unref();
    this.#worker.on('message', (answers: Answers<Result>) => this.#take(answers));
    this.#worker.on('messageerror', (error) => this.#end(errorOf(error)));
    this.#worker.on('error', (error) => this.#end(errorOf(error)));
    this.#worker.once('exit', (code) => this.#end(new Error(`the thread ended with ${code}`)));
  }

  #take({ from, results }: Answers<Result>): void {
    this.#isReady = true;
    this.#heard = performance.now();
    // Whatever went wrong: nobody is given the answer of another.
    if (from !== this.#answered || from + results.length > this.#sent)
      this.#end(new Error(`an answer to job ${from} where ${this.#answered} was due`));
    if (this.#isOver) return;
    this.#answered += results.length;
    for (const [index, resolve] of this.#waiting.splice(0, results.length).entries()) resolve(results[index]);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Milliseconds since an answer came, or the first of the jobs that have none was given. */
  get silentMs(): number {
    return performance.now() - this.#heard;
  }

  /** Of the time since the last look that it was at work, from 0 to 1; 1 when that was less than this many milliseconds ago. */
  share(milliseconds: number): number {
    return this.#load.over(milliseconds) ?? 1;
  }

  run(setup: Setup, job: Job): Promise<Result | undefined> {
    if (setup !== this.#setup) this.#send();
    // It may be over by what was sent just now.
    if (this.#isOver) return Promise.resolve(undefined);
    this.#setup = setup;
    // What comes in the same turn of the event loop goes together: a message to a thread costs more than what is in it.
    if (this.#jobs.push(job) === 1) setImmediate(() => this.#send());
    if (!this.isWaiting) this.#heard = performance.now();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #send(): void {
    if (this.#jobs.length === 0) return;
    const jobs = this.#jobs;
    const setup = this.#given === this.#setup ? {} : { setup: { value: this.#setup } };
    const batch: Batch<Setup | undefined, Job> = { ...setup, from: this.#sent, jobs };
    this.#jobs = [];
    this.#given = this.#setup;
    this.#sent += jobs.length;
    try {
      this.#worker.postMessage(batch, []);
    } catch (error) {
      this.#end(errorOf(error));
    }
  }

  #end(error: Error): void {
    if (this.#isOver) return;
    this.#giveUp();
    this.#ended(error);
  }

  #giveUp(): void {
    this.#isOver = true;
    this.#jobs = [];
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  async close(): Promise<void> {
    this.#giveUp();
    await this.#worker.terminate();
  }
}

function errorOf(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
