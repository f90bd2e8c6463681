import type { StagingQueue, Usage } from '@ssm/spool';

const NOTHING: Usage = { elements: 0, bytes: 0 };

function sum(a: Usage, b: Usage): Usage {
  return { elements: a.elements + b.elements, bytes: a.bytes + b.bytes };
}

/** How much a queue holds: measured now and then, since others take from it, and what is added meanwhile. */
export class QueueUsage {
  readonly #queue: Pick<StagingQueue, 'usage'>;
  #counted: Usage = NOTHING;
  /** Promised, and not yet stored. */
  #promised: Usage = NOTHING;
  /** Stored since the measurement under way began: it may have missed that. */
  #missed: Usage = NOTHING;
  #measuring: Promise<void> | undefined;

  constructor(queue: Pick<StagingQueue, 'usage'>) {
    this.#queue = queue;
  }

  get now(): Usage {
    return sum(this.#counted, this.#promised);
  }

  /** Takes room for one element, until it is settled. false: that would be more than the limit. */
  promise(bytes: number, limit: Usage): boolean {
    const { now } = this;
    if (now.elements + 1 > limit.elements || now.bytes + bytes > limit.bytes) return false;
    this.#promised = sum(this.#promised, { elements: 1, bytes });
    return true;
  }

  settle(bytes: number, isStored: boolean): void {
    this.#promised = sum(this.#promised, { elements: -1, bytes: -bytes });
    if (!isStored) return;
    this.#counted = sum(this.#counted, { elements: 1, bytes });
    this.#missed = sum(this.#missed, { elements: 1, bytes });
  }

  /** One measurement at a time: who asks meanwhile waits for the same. */
  async measure(signal: AbortSignal, looked: () => void): Promise<void> {
    this.#measuring ??= this.#measure(signal, looked).finally(() => {
      this.#measuring = undefined;
    });
    await this.#measuring;
  }

  async #measure(signal: AbortSignal, looked: () => void): Promise<void> {
    this.#missed = NOTHING;
    const found = await this.#queue.usage(signal, looked);
    this.#counted = sum(found, this.#missed);
  }
}
