/**
 * A thread for jobs that keep a processor busy. There is none until the main thread is the limit, and none any more when there is little to
 * do: an idle one takes 15 MB for nothing.
 */
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import type { Answers, Batch } from './batch.js';
import { Load } from './load.js';

/** The main thread is the limit when it was at work for this share of so many milliseconds. */
const BUSY = 0.7;
const BUSY_MS = 250;
/** There is little to do when the thread was at work for this share of so many milliseconds. */
const QUIET = 0.1;
const QUIET_MS = 5000;
/** After a thread that ended by itself there is none for so long. */
const PAUSE_MS = 60_000;
/** Of V8's young generation, MiB: what a job leaves behind is collected often, in place of taking more memory. */
const YOUNG_GENERATION = 8;

export interface JobThreadOptions {
  /** The module of the thread: it calls serveJobs(). */
  readonly module: URL;
  /** There is no processor for it. */
  readonly disabled: boolean;
  /** The thread ended by itself; there is none for a minute. */
  readonly onFailure: (error: Error | undefined) => void;
}

export class JobThread<Setup, Job, Result> {
  readonly #options: JobThreadOptions;
  readonly #load = new Load(() => performance.eventLoopUtilization());
  #running: Running<Setup, Job, Result> | undefined;
  #quietLooks: NodeJS.Timeout | undefined;
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
    this.#running = new Running(this.#options.module, (error) => this.#failed(error));
    this.#quietLooks = setInterval(() => this.#endIfQuiet(), QUIET_MS).unref();
  }

  #endIfQuiet(): void {
    if (this.#running?.isWaiting === false && this.#running.share() < QUIET) void this.#end();
  }

  #failed(error: Error | undefined): void {
    this.#pausedUntil = performance.now() + PAUSE_MS;
    void this.#end();
    this.#options.onFailure(error);
  }

  async #end(): Promise<void> {
    clearInterval(this.#quietLooks);
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
  readonly #ended: (error: Error | undefined) => void;
  /** Of the jobs in order: those that the thread has, and then those that it gets next. */
  readonly #waiting: ((result: Result | undefined) => void)[] = [];
  /** What the jobs that are gathered now are done with, */
  #setup: Setup | undefined;
  /** and what the thread has. */
  #given: Setup | undefined;
  #jobs: Job[] = [];
  #isReady = false;
  #isOver = false;

  /** `ended`: told once, when the thread ended by itself. */
  constructor(module: URL, ended: (error: Error | undefined) => void) {
    this.#ended = ended;
    this.#worker = new Worker(module, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION } });
    this.#load = new Load(() => this.#worker.performance.eventLoopUtilization());
    this.#worker.unref();
    this.#worker.on('message', (answers: Answers<Result>) => {
      this.#isReady = true;
      for (const [index, resolve] of this.#waiting.splice(0, answers.length).entries()) resolve(answers[index]);
    });
    this.#worker.once('error', (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    this.#worker.once('exit', () => this.#end(undefined));
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Of the time since the last call that it was at work, from 0 to 1. */
  share(): number {
    return this.#load.over(0) ?? 0;
  }

  run(setup: Setup, job: Job): Promise<Result | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    if (setup !== this.#setup) this.#send();
    this.#setup = setup;
    // What comes in the same turn of the event loop goes together: a message to a thread costs more than what is in it.
    if (this.#jobs.push(job) === 1) setImmediate(() => this.#send());
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #send(): void {
    if (this.#jobs.length === 0) return;
    const batch: Batch<Setup | undefined, Job> = {
      ...(this.#given === this.#setup ? {} : { setup: { value: this.#setup } }),
      jobs: this.#jobs,
    };
    this.#jobs = [];
    this.#given = this.#setup;
    this.#worker.postMessage(batch, []);
  }

  #end(error: Error | undefined): void {
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
