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
  readonly redelivered: boolean;
  declare readonly oversized?: number;
  readonly offset: number;
  readonly #hooks: DeliveryHooks;
  readonly #answer = new Deferred<void>();
  #body: Uint8Array;
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
    this.#body = body.length > about.maximumBytes ? NOTHING : body;
    if (body.length > about.maximumBytes) this.oversized = body.length;
    this.offset = offset;
    this.#hooks = hooks;
    // Nobody need wait for it.
    this.#answer.promise.catch(() => undefined);
  }

  get state(): DeliveryState {
    return this.#state;
  }

  get body(): Uint8Array {
    return this.#body;
  }

  acknowledge(): Promise<void> {
    if (this.#state === 'abandoned') return Promise.reject(this.#lost('the delivery was abandoned'));
    if (this.#state === 'open') {
      this.#state = 'durable';
      this.#release();
      this.#hooks.settled();
    }
    return this.#answer.promise;
  }

  abandon(): void {
    if (this.#state !== 'open') return;
    this.#state = 'abandoned';
    this.#release();
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
      // Whoever works on it still needs the body.
      this.#hooks.released();
    }
    this.#answer.reject(this.#lost(reason, cause));
  }

  /** What others are told is free must be. */
  #release(): void {
    this.#body = NOTHING;
    this.#hooks.released();
  }

  #lost(reason: string, cause?: unknown): TransportError {
    return new TransportError(
      'not-acknowledged',
      `${this.broker}: ${reason}; the message comes again`,
      cause === undefined ? {} : { cause },
    );
  }
}
