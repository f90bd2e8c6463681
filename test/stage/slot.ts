import assert from 'node:assert/strict';
import { eventually } from '@ssm/test-support';
import type { StartOptions } from '../e2e/world.js';
import type { Service } from '../support/services.js';

/** What a line of a log says, as far as it is looked at here. */
export interface LogLine {
  readonly msg?: string;
  readonly error?: { readonly code?: string };
  /** Of a reload. */
  readonly source?: string;
  readonly heartbeatMs?: { readonly incoming: number };
}

interface Sought {
  readonly code?: string;
  readonly source?: string;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly from?: number;
}

function parsed(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return {};
  }
}

/** A sender's or receiver's place on the stage: whoever is killed is started again in the same place, with the same configuration. */
export class Slot {
  readonly name: string;
  readonly #launch: (options: StartOptions) => Promise<Service>;
  #options: StartOptions;
  #service: Service | undefined;
  starts = 0;

  constructor(name: string, launch: (options: StartOptions) => Promise<Service>, options: StartOptions) {
    this.name = name;
    this.#launch = launch;
    this.#options = options;
  }

  /** The process that runs, or ran last. */
  get service(): Service {
    assert.ok(this.#service, `${this.name} was never started`);
    return this.#service;
  }

  get running(): boolean {
    return this.#service !== undefined && this.#service.child.exit === undefined;
  }

  get pid(): number {
    return this.service.child.pid;
  }

  /** Does not wait until it is ready. `options` replace those that it had. */
  async start(options: StartOptions = this.#options): Promise<Service> {
    assert.ok(!this.running, `${this.name} runs already`);
    this.#options = options;
    this.starts += 1;
    this.#service = await this.#launch(options);
    return this.#service;
  }

  /** A busy machine takes its time. */
  ready(timeout = 60_000): Promise<void> {
    return this.service.ready(timeout);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    if (this.running) await this.service.kill();
  }

  /** SIGTERM; it must end in good order, and within the time that it is configured for. */
  async stop(): Promise<void> {
    if (!this.running) return;
    const code = await this.service.stop();
    assert.equal(code, 0, `${this.name} ended with ${code} after SIGTERM:\n${this.service.child.output().slice(-4000)}`);
  }

  /** Everything is read again now, without waiting for the next look. */
  reload(): void {
    // Before its first words it does not listen yet, and the signal would end it.
    if (this.running && this.printed > 0) this.service.child.signal('SIGHUP');
  }

  /**
   * Waits (60 s unless said otherwise) for a line of the log of the process that runs now, after its line number `from`, with this `msg` and, where
   * given, this code of its error and this source.
   */
  async says(msg: string, options: Sought = {}): Promise<LogLine> {
    const { code, source, timeout = 60_000, from = 0 } = options;
    const found = (): LogLine | false => {
      const lines = this.service.child.lines.slice(from).map(({ text }) => parsed(text));
      const is = (line: LogLine): boolean =>
        line.msg === msg && (code === undefined || line.error?.code === code) && (source === undefined || line.source === source);
      return lines.find(is) ?? false;
    };
    return await eventually(found, { timeout, interval: 50, what: `${this.name} says "${msg}" ${code ?? ''}` });
  }

  /** How many lines the process that runs now has printed, for `from` above. */
  get printed(): number {
    return this.service.child.lines.length;
  }
}

/** Waits for the first words of a process that has been started: any signal would end it before, since it does not listen yet. */
export async function heard(slot: Slot): Promise<void> {
  await eventually(() => !slot.running || slot.printed > 0, { timeout: 60_000, what: `the first words of ${slot.name}` });
}
