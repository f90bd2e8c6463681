/** A run that ends: sends what is there, and says what became of it. */
import { EXIT_CODES, type Logger } from '@ssm/service-kit';
import type { InFlight } from './in-flight.js';
import type { Pass } from './passes.js';
import type { SendResult } from './pipeline.js';

/** Tries of an element, and scans in a row, before they count as failed. */
export const ONCE_ATTEMPTS = 5;
/** Names in the summary. */
const NAMED = 20;
/** A file that was written just before the stability time began is seen a little later. */
const STABILITY_MARGIN_MS = 500;

export interface OnceOptions {
  readonly inFlight: InFlight;
  readonly log: Logger;
  /** Files that are still being written are waited for, until this time after anything changed. 0: there are none. */
  readonly stabilityMs: number;
  /** Aborted at the deadline, or when the process is told to stop. */
  readonly ending: AbortSignal;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Files in the volume, as the last look at all of it says; undefined: there was none. */
  readonly left: () => number | undefined;
}

export class OnceRun {
  readonly #options: OnceOptions;
  readonly #failing = new Map<string, string>();
  readonly #quarantined: { readonly name: string; readonly code: string }[] = [];
  #counts = { sent: 0, bytes: 0, quarantined: 0, unremoved: 0 };
  #last: Pass | undefined;
  #failedScans = 0;
  #ignored = -1;
  #quietSince = 0;
  #drained = false;

  constructor(options: OnceOptions) {
    this.#options = options;
    this.#quietSince = options.now();
  }

  note(result: SendResult): void {
    const { name } = result;
    if (result.outcome !== 'retry') this.#failing.delete(name);
    switch (result.outcome) {
      case 'sent':
        this.#counts.sent += 1;
        this.#counts.bytes += result.bytes;
        if (result.removal === 'left') this.#counts.unremoved += 1;
        break;
      case 'quarantined':
        this.#counts.quarantined += 1;
        if (this.#quarantined.length < NAMED) this.#quarantined.push({ name: result.empaId, code: result.code });
        break;
      case 'retry':
        if (this.#failing.has(name) || this.#failing.size < NAMED) this.#failing.set(name, result.code);
        break;
      case 'taken':
        break;
    }
  }

  /** After a pass: is everything done that this run can do? */
  async finished(pass: Pass): Promise<boolean> {
    const { inFlight, ending } = this.#options;
    await inFlight.empty(ending);
    if (ending.aborted) return true;
    this.#last = pass;
    this.#failedScans = pass.failed ? this.#failedScans + 1 : 0;
    if (pass.failed) return this.#failedScans >= ONCE_ATTEMPTS;
    this.#drained = pass.whole && this.#isQuiet(pass);
    return this.#drained;
  }

  /** Nothing left to try, and whatever was being written has had its time to become a file that can be sent. */
  #isQuiet({ started, waiting, statistics }: Pass): boolean {
    const { stabilityMs, now } = this.#options;
    const ignored = statistics?.ignored ?? 0;
    const busy = started > 0 || waiting > 0;
    if (busy || ignored !== this.#ignored) this.#quietSince = now();
    this.#ignored = ignored;
    if (busy) return false;
    return stabilityMs === 0 || ignored === 0 || now() - this.#quietSince >= stabilityMs + STABILITY_MARGIN_MS;
  }

  /** Logs the summary; comes back with the exit code. */
  conclude(): number {
    const { sent, bytes, quarantined, unremoved } = this.#counts;
    const { available = 0, locked = 0, ignored = 0 } = this.#last?.statistics ?? {};
    const fields = { sent, bytes, quarantined, failed: this.#drained ? available : this.#failing.size, locked, ignored };
    if (this.#drained && quarantined === 0 && available === 0 && unremoved === 0) {
      this.#options.log.info('all was sent', fields);
      return EXIT_CODES.ok;
    }
    this.#options.log.error(this.#drained ? 'not everything was sent' : 'the run ended before everything was sent', {
      ...fields,
      left: this.#options.left(),
      quarantinedNames: this.#quarantined,
      failedNames: [...this.#failing].map(([name, code]) => ({ name, code })),
    });
    return EXIT_CODES.failed;
  }
}
