import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fakeTimeLibrary } from '@ssm/test-support';

/** A clock of its own for the processes that are started with its environment; the machine's clock is never touched. */
export class FakeClock {
  readonly env: Readonly<Record<string, string>>;
  readonly #file: string;

  /** Throws when libfaketime is not installed. */
  constructor(directory: string) {
    const preload = fakeTimeLibrary();
    if (preload === undefined) throw new Error('libfaketime is missing: apt-get install libfaketime');
    this.#file = path.join(directory, 'clock');
    this.jump(0);
    this.env = {
      LD_PRELOAD: preload,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      // Timers and time-outs go by the monotonic clock, which does not jump when somebody sets the time.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_RESET: '1',
    };
  }

  /** From now on the clock is so many seconds ahead of the machine's (or behind it). Running processes see it at once. */
  jump(seconds: number): void {
    // By a rename: half a file would be read as another time.
    writeFileSync(`${this.#file}.tmp`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    renameSync(`${this.#file}.tmp`, this.#file);
  }
}
