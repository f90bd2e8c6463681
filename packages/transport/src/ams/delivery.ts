import { Deferred } from '../deferred.js';
import { TransportError } from '../errors.js';
import type { Delivery } from '../transport.js';
import type { Pulled } from './wire.js';

const NOTHING = new Uint8Array();

/** What a delivery tells its pull. */
export interface DeliveryHooks {
  /** The body is no longer needed: its bytes can be given to others. Once. */
  readonly released: () => void;
  /** Acknowledged or abandoned. */
  readonly settled: () => void;
}

export type DeliveryState = 'open' | 'durable' | 'abandoned' | 'closed';

/** One message of a pull. Its acknowledgement is answered when that of the whole pull is. */
export class AmsDelivery implements Delivery {
  readonly broker: string;
  readonly empaId: string | undefined;
  readonly body: Uint8Array;
  readonly redelivered: boolean;
  declare readonly oversized?: number;
  readonly offset: number;
  readonly #hooks: DeliveryHooks;
  readonly #answer = new Deferred<void>();
  #state: DeliveryState = 'open';
  /** Somebody reads it. */
  isHandedOut = false;

  constructor(
    pulled: Pulled,
    about: { readonly broker: string; readonly redelivered: boolean; readonly maximumBytes: number },
    hooks: DeliveryHooks,
  ) {
    const { empaId, body, offset } = pulled;
    this.broker = about.broker;
    this.redelivered = about.redelivered;
    this.empaId = empaId;
    this.body = body.length > about.maximumBytes ? NOTHING : body;
    if (body.length > about.maximumBytes) this.oversized = body.length;
    this.offset = offset;
    this.#hooks = hooks;
    // Nobody need wait for it.
    this.#answer.promise.catch(() => undefined);
  }

  get state(): DeliveryState {
    return this.#state;
  }

  acknowledge(): Promise<void> {
    if (this.#state === 'abandoned') return Promise.reject(this.#lost('the delivery was abandoned'));
    if (this.#state === 'open') {
      this.#state = 'durable';
      this.#hooks.released();
      this.#hooks.settled();
    }
    return this.#answer.promise;
  }

  abandon(): void {
    if (this.#state !== 'open') return;
    this.#state = 'abandoned';
    this.#hooks.released();
    this.#hooks.settled();
  }

  /** The server knows that it is done. */
  confirm(): void {
    this.#answer.resolve();
  }

  /** It comes again: no acknowledgement is possible any more. */
  lose(reason: string, cause?: unknown): void {
    if (this.#state === 'open') {
      this.#state = 'closed';
      this.#hooks.released();
    }
    this.#answer.reject(this.#lost(reason, cause));
  }

  #lost(reason: string, cause?: unknown): TransportError {
    return new TransportError(
      'not-acknowledged',
      `${this.broker}: ${reason}; the message comes again`,
      cause === undefined ? {} : { cause },
    );
  }
}
