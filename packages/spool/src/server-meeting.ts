/** A volume meets the server: does that still know what it was told? If not, it is told again what the volume remembers. */
import { randomBytes } from 'node:crypto';
import type { Claims, Remembered } from './claims.js';
import type { FileDeliveryRecord } from './delivery-record.js';
import { SpoolError } from './errors.js';
import { keyOf } from './shared-key.js';
import type { VolumeFiles } from './volume.js';

const MARKER_BYTES = 16;
/** Claims that are told at once. */
const TOGETHER = 64;

export interface MeetingOptions {
  readonly file: FileDeliveryRecord;
  readonly claims: Claims;
  readonly volume: VolumeFiles;
  readonly windowMs: number;
  readonly now?: () => Date;
}

export class Meeting {
  readonly #options: MeetingOptions;
  /** Since a server was last met. What one was told before that can be out of date. */
  #told = false;

  constructor(options: MeetingOptions) {
    this.#options = options;
  }

  /**
   * Resolves to the marker of a server that knows all that this volume remembers; `isOther`: not the one that it knew. SpoolError
   * `server-forgot` when it has lost what other volumes told it, until an operator has accepted that.
   */
  async meet(name: string, signal: AbortSignal | undefined): Promise<{ readonly marker: string; readonly isOther: boolean }> {
    const { claims, volume } = this.#options;
    const [known, found] = [await volume.server(), await claims.marker()];
    if (found !== undefined && found === known) {
      this.#told = false;
      return { marker: found, isOther: false };
    }
    if (!this.#told || !(await claims.hasTold(name))) {
      await this.#tellAll(name, signal);
      await claims.told(name, known !== undefined);
      this.#told = true;
    }
    // The first volume of all begins; who knew another server leaves that to a person: not all volumes may have told this one yet.
    const marker = found ?? (known === undefined ? await claims.mark(newMarker(), false) : undefined);
    if (marker === undefined) throw forgotten();
    await volume.setServer(marker);
    await claims.untold(name);
    this.#told = false;
    return { marker, isOther: known !== undefined };
  }

  /** What is not confirmed first: as half-way, since only the recovery, which comes later, can tell whether it is stored. */
  async #tellAll(name: string, signal: AbortSignal | undefined): Promise<void> {
    const { file, now = () => new Date(), windowMs } = this.#options;
    const tell = new Teller((id, since) => this.#options.claims.remember(keyOf(id), name, since));
    try {
      for await (const { id, recordedAt } of file.entries(signal)) await tell.add(id, { recordedAt, keepMs: undefined });
    } catch (error) {
      // As in a recovery: what comes behind it is not known, and stays with the broker until it is stored.
      if (!(error instanceof SpoolError && error.code === 'record-corrupt')) throw error;
    }
    await tell.rest();
    for await (const { confirmedAt, id, recordedAt } of file.confirmed(signal)) {
      const keepMs = confirmedAt.getTime() + windowMs - now().getTime();
      if (keepMs > 0) await tell.add(id, { recordedAt, keepMs: Math.min(Math.ceil(keepMs), windowMs) });
    }
    await tell.rest();
    signal?.throwIfAborted();
  }
}

class Teller {
  readonly #tell: (id: string, since: Remembered) => Promise<void>;
  #together: Promise<void>[] = [];

  constructor(tell: (id: string, since: Remembered) => Promise<void>) {
    this.#tell = tell;
  }

  async add(id: string, since: Remembered): Promise<void> {
    this.#together.push(this.#tell(id, since));
    if (this.#together.length >= TOGETHER) await this.rest();
  }

  async rest(): Promise<void> {
    const together = this.#together;
    this.#together = [];
    await Promise.all(together);
  }
}

export function newMarker(): string {
  return randomBytes(MARKER_BYTES).toString('hex');
}

export function forgotten(): SpoolError {
  return new SpoolError(
    'server-forgot',
    'the server has lost what it knew of deliveries, or is another one than before; an operator must accept it',
  );
}
