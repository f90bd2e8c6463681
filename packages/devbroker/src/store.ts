import { Refusal } from './frame.js';
import { Message } from './message.js';
import { type Consumer, Queue } from './queue.js';

/** All queues, and the limit on what they hold together. */
export class Store {
  readonly #queues = new Map<string, Queue>();
  readonly #maximumBytes: number;
  #bytes = 0;
  #sequence = 0;

  constructor(maximumBytes: number) {
    this.#maximumBytes = maximumBytes;
  }

  find(destination: string): Queue | undefined {
    return this.#queues.get(destination);
  }

  #queue(destination: string): Queue {
    const queue = this.#queues.get(destination) ?? new Queue(destination);
    this.#queues.set(destination, queue);
    return queue;
  }

  /** Puts a message into its queue; the caller dispatches. Throws Refusal when there is no room. */
  publish(destination: string, headers: Iterable<readonly [string, string]>, body: Buffer): Message {
    this.#sequence += 1;
    const message = new Message(this.#sequence, destination, headers, body);
    if (this.#bytes + message.size > this.#maximumBytes) throw new Refusal('The broker is full');
    this.#bytes += message.size;
    this.#queue(destination).add(message);
    return message;
  }

  subscribe(destination: string, consumer: Consumer): void {
    this.#queue(destination).addConsumer(consumer);
  }

  unsubscribe(destination: string, consumer: Consumer): void {
    const queue = this.#queue(destination);
    queue.removeConsumer(consumer);
    this.#tidy(queue);
  }

  giveBack(destination: string, messages: Iterable<Message>): void {
    const queue = this.#queue(destination);
    queue.giveBack(messages);
    queue.dispatch();
    this.#tidy(queue);
  }

  dispatch(destination: string): void {
    this.#queues.get(destination)?.dispatch();
  }

  /** The message is done with: acknowledged, or delivered to somebody who does not acknowledge. */
  settle(message: Message): void {
    const queue = this.#queue(message.destination);
    if (queue.settle(message)) this.#bytes -= message.size;
    this.#tidy(queue);
  }

  #tidy(queue: Queue): void {
    if (queue.unused) this.#queues.delete(queue.destination);
  }
}
