import { Deferred } from '../deferred.js';
import type { AmsDelivery } from './delivery.js';

/** Why a pull ended. */
export type PullEnd =
  /** Every message is done, or given up. */
  | 'complete'
  /** Whoever reads takes no more before these are acknowledged. */
  | 'reader-waits'
  /** The server waits no longer for the acknowledgement. */
  | 'deadline'
  | 'suspended';

/** Time that a reader has to ask for more after the last one was settled. */
const LINGER_MS = 20;

/** The messages of one pull, until the one acknowledgement that it gets is due. Without the network. */
export class Pull {
  readonly #deliveries: readonly AmsDelivery[];
  readonly #end = new Deferred<PullEnd>();
  readonly #deadline: NodeJS.Timeout;
  #linger: NodeJS.Timeout | undefined;

  constructor(deliveries: readonly AmsDelivery[], deadlineMs: number) {
    this.#deliveries = deliveries;
    this.#deadline = setTimeout(() => this.end('deadline'), deadlineMs);
  }

  /** Resolves when the acknowledgement is due. */
  get ended(): Promise<PullEnd> {
    return this.#end.promise;
  }

  get handedOut(): number {
    return this.#deliveries.filter(({ isHandedOut }) => isHandedOut).length;
  }

  /** The last of the unbroken run of durable messages from the first on: everything that may be acknowledged. */
  get lastDurable(): AmsDelivery | undefined {
    const broken = this.#deliveries.findIndex(({ state }) => state !== 'durable');
    return broken === -1 ? this.#deliveries.at(-1) : this.#deliveries[broken - 1];
  }

  /** One was settled, or will not be handed out: is that all? */
  look(): void {
    clearTimeout(this.#linger);
    if (this.#deliveries.every(({ state }) => state !== 'open')) this.end('complete');
    else if (this.#allHandedOutAreSettled) {
      this.#linger = setTimeout(() => {
        if (this.#allHandedOutAreSettled) this.end('reader-waits');
      }, LINGER_MS);
    }
  }

  end(why: PullEnd): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#linger);
    this.#end.resolve(why);
  }

  /** Everything up to the offset is acknowledged; the rest comes again. */
  conclude(acknowledged: number | undefined, reason: string, cause?: unknown): void {
    for (const delivery of this.#deliveries) {
      if (acknowledged !== undefined && delivery.offset <= acknowledged) delivery.confirm();
      else delivery.lose(reason, cause);
    }
  }

  get #allHandedOutAreSettled(): boolean {
    const handedOut = this.#deliveries.filter(({ isHandedOut }) => isHandedOut);
    return handedOut.length > 0 && handedOut.every(({ state }) => state !== 'open');
  }
}
