/** Is the outgoing volume itself in trouble? A fault of one element is not; many in a row are. */
import { AnswerWatch, type Health, type Logger } from '@ssm/service-kit';
import { codeOf, messageOf } from './verdict.js';

/** So many elements in a row that fail for a reason that may pass: the trouble is the volume's. */
const TROUBLE_AFTER = 20;
/** Trouble that comes and goes is told this often at most. */
const TOLD_EVERY_MS = 60_000;

/** A call to the volume that takes longer, with nothing that moves meanwhile, hangs. */
const SILENT_SECONDS = 60;

type Part = 'scan' | 'elements';

export interface VolumeOptions {
  readonly now?: () => number;
  readonly silentMs?: number;
}

export class VolumeState {
  /**
   * What waits for the volume waits here: writes may hang where it can still be looked at. A volume that gives no answer is not in trouble:
   * nothing failed, and liveness may find that we hang.
   */
  readonly answers: Readonly<Record<Part, AnswerWatch>>;
  readonly #health: Health;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #reasons = new Map<Part, string>();
  #failures = 0;
  /** Of the error that was told; undefined: nothing is to be taken back. */
  #told: string | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;
  readonly #silent = new Set<Part>();

  /** `now`: monotonic milliseconds; both options are for tests. */
  constructor(health: Health, log: Logger, { now = () => performance.now(), silentMs = SILENT_SECONDS * 1000 }: VolumeOptions = {}) {
    this.#health = health;
    this.#log = log;
    this.#now = now;
    const watch = (part: Part): AnswerWatch =>
      new AnswerWatch({ limitMs: silentMs, onSilent: () => this.#fellSilent(part), onAnswer: () => this.#answered(part) });
    this.answers = { scan: watch('scan'), elements: watch('elements') };
  }

  /** Nothing works at the moment: go slowly, and leave it to the line about the volume to say so. */
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
    this.answers.elements.heard();
    this.#failures += 1;
    if (this.#failures >= TROUBLE_AFTER) this.#add('elements', error);
  }

  /** An element was claimed and left the queue, or there is none that fails. */
  elementWorked(): void {
    this.#failures = 0;
    this.#clear('elements');
  }

  #add(part: Part, error: unknown): void {
    this.#reasons.set(part, messageOf(error));
    this.#show();
    const code = codeOf(error);
    if (this.#told === code || this.#now() - this.#toldAt < TOLD_EVERY_MS) return;
    this.#told = code;
    this.#toldAt = this.#now();
    this.#log.error('files of the outgoing volume cannot be sent', { error });
  }

  #clear(part: Part): void {
    this.#reasons.delete(part);
    this.#show();
    if (this.#told === undefined || this.troubled) return;
    this.#told = undefined;
    this.#log.info('files of the outgoing volume can be sent again');
  }

  #fellSilent(part: Part): void {
    if (this.#silent.size === 0)
      this.#log.error('the outgoing volume gives no answer; what was asked goes on waiting', { seconds: SILENT_SECONDS });
    this.#silent.add(part);
    this.#show();
  }

  #answered(part: Part): void {
    this.#silent.delete(part);
    if (this.#silent.size === 0) this.#log.info('the outgoing volume answers again');
    this.#show();
  }

  #show(): void {
    const reasons = [...(this.#silent.size > 0 ? [`no answer from the volume for ${SILENT_SECONDS} s`] : []), ...this.#reasons.values()];
    this.#health.set('outgoing', reasons.length === 0 ? true : reasons.join('; '));
  }
}
