import { type Delivery, type Status, type Subscriber, TransportError } from '@ssm/transport';

export interface FakeDelivery extends Delivery {
  readonly state: 'taken' | 'acknowledged' | 'abandoned';
}

export interface FakeDeliveryOptions {
  readonly empaId?: string | undefined;
  readonly body?: Uint8Array;
  readonly oversized?: number;
  /** The connection is gone when it is to be acknowledged. */
  readonly disconnected?: boolean;
}

export function fakeDelivery(options: FakeDeliveryOptions = {}): FakeDelivery {
  const { body, disconnected, empaId, oversized } = {
    body: Buffer.from('raw'),
    disconnected: false,
    empaId: 'id',
    oversized: undefined,
    ...options,
  };
  let state: FakeDelivery['state'] = 'taken';
  return {
    broker: 'broker:61613',
    empaId,
    body,
    redelivered: false,
    ...(oversized === undefined ? {} : { oversized }),
    get state() {
      return state;
    },
    acknowledge: async () => {
      if (disconnected) throw new TransportError('not-acknowledged', 'the connection is gone');
      state = 'acknowledged';
    },
    abandon: () => {
      state = 'abandoned';
    },
  };
}

/** Delivers what a test hands over, one broker, always connected while it is not suspended. */
export class FakeSubscriber implements Subscriber {
  readonly calls: string[] = [];
  readonly #waiting: Delivery[] = [];
  #wake: () => void = () => undefined;
  #connected = true;

  deliver(delivery: Delivery): void {
    this.#waiting.push(delivery);
    this.#wake();
  }

  async *deliveries(signal: AbortSignal): AsyncIterable<Delivery> {
    signal.addEventListener('abort', () => this.#wake());
    while (!signal.aborted) {
      const next = this.#connected ? this.#waiting.shift() : undefined;
      if (next === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else yield next;
    }
  }

  suspend(): void {
    this.calls.push('suspend');
    this.#connected = false;
  }

  resume(): void {
    this.calls.push('resume');
    this.#connected = true;
    this.#wake();
  }

  async *status(): AsyncIterable<Status> {
    yield { type: 'connected', broker: 'broker:61613', server: '', version: '1.2', heartbeatMs: { outgoing: 0, incoming: 0 } };
  }

  connections(): readonly { broker: string; connected: boolean }[] {
    return [{ broker: 'broker:61613', connected: this.#connected }];
  }

  async drain(signal: AbortSignal): Promise<void> {
    this.calls.push(signal.aborted ? 'drain at once' : 'drain');
  }
}
