import type { Confirmation, OutgoingMessage, Publisher, Status } from '@ssm/transport';
import { TransportError } from '@ssm/transport';

interface Place {
  readonly message: OutgoingMessage;
  readonly resolve: (place: Confirmation) => void;
  readonly reject: (error: Error) => void;
}

/** A publisher that keeps what it is given and answers when, and what, the test says. */
export class FakePublisher implements Publisher {
  readonly published: OutgoingMessage[] = [];
  readonly #waiting: Place[] = [];
  /** Answers at once; undefined: when told. */
  answer: ((message: OutgoingMessage) => Promise<Confirmation>) | undefined = () => Promise.resolve({ broker: 'fake:61613' });
  connected = true;

  get inFlight(): number {
    return this.#waiting.length;
  }

  publish(message: OutgoingMessage, signal: AbortSignal): Promise<Confirmation> {
    this.published.push(message);
    if (this.answer !== undefined) return this.answer(message);
    return new Promise((resolve, reject) => {
      const place = { message, resolve, reject };
      this.#waiting.push(place);
      signal.addEventListener('abort', () => this.#fail(place, new TransportError('aborted', 'told to stop')), { once: true });
    });
  }

  #fail(place: Place, error: Error): void {
    const index = this.#waiting.indexOf(place);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    place.reject(error);
  }

  confirmAll(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve({ broker: 'fake:61613' });
  }

  connections(): readonly { readonly broker: string; readonly connected: boolean }[] {
    return [{ broker: 'fake:61613', connected: this.connected }];
  }

  async *status(): AsyncIterable<Status> {
    yield* [];
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }
}
