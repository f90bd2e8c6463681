/** Is the outgoing volume itself in trouble? A fault of one element is not; many in a row are. */
import type { Health, Logger } from '@ssm/service-kit';
import { messageOf } from './verdict.js';

/** So many elements in a row that fail for a reason that may pass: the trouble is the volume's. */
const TROUBLE_AFTER = 20;

type Part = 'scan' | 'elements';

export class VolumeState {
  readonly #health: Health;
  readonly #log: Logger;
  readonly #reasons = new Map<Part, string>();
  #failures = 0;

  constructor(health: Health, log: Logger) {
    this.#health = health;
    this.#log = log;
  }

  /** Go slowly: nothing works at the moment. */
  get troubled(): boolean {
    return this.#reasons.size > 0;
  }

  /** The volume as a whole cannot be read. */
  scanFailed(error: unknown): void {
    this.#add('scan', error);
  }

  scanned(): void {
    this.#clear('scan');
  }

  elementFailed(error: unknown): void {
    this.#failures += 1;
    if (this.#failures >= TROUBLE_AFTER) this.#add('elements', error);
  }

  /** An element was claimed and left the queue, or there is none that fails. */
  elementWorked(): void {
    this.#failures = 0;
    this.#clear('elements');
  }

  #add(part: Part, error: unknown): void {
    if (!this.troubled) this.#log.error('files of the outgoing volume cannot be sent', { error });
    this.#reasons.set(part, messageOf(error));
    this.#show();
  }

  #clear(part: Part): void {
    const had = this.#reasons.delete(part);
    if (had && !this.troubled) this.#log.info('files of the outgoing volume can be sent again');
    this.#show();
  }

  #show(): void {
    this.#health.set('outgoing', this.#reasons.size === 0 ? true : [...this.#reasons.values()].join('; '));
  }
}
