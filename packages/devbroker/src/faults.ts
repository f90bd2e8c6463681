import type { BrokerMessage } from './message.js';

/** What can go wrong on purpose. Counts go down as they are used up. */
export interface FaultPlan {
  /** The next so many RECEIPTs for SEND frames (of those alone for which `only` answers true) are not sent; the messages are kept, or lost as well. */
  readonly dropReceipts?: { readonly count: number; readonly message: 'kept' | 'lost'; readonly only?: Choice } | undefined;
  /** ACK frames get no RECEIPT. */
  readonly silentAcks?: boolean | undefined;
  /**
   * Resets the connection that brings the N-th frame from now (of that command, if given): `before-frame` does not look at the frame,
   * `before-receipt` works on it and sends no receipt, `after-receipt` lets the receipt out first.
   */
  readonly cutAfter?: { readonly frames: number; readonly command?: string; readonly when: CutMoment } | undefined;
  /** The next so many deliveries are sent twice. */
  readonly repeatDeliveries?: number | undefined;
  /** Milliseconds that everything the broker sends is late. */
  readonly delayMs?: number | undefined;
  /** CONNECT is never answered. */
  readonly silentConnect?: boolean | undefined;
  /** A SEND for which it answers true gets ERROR, and the connection is closed. */
  readonly refuse?: Choice | undefined;
  /** Bytes of a body: a larger one gets ERROR, and the connection is closed. */
  readonly refuseOver?: number | undefined;
  /** Bytes of a body: at a larger one the connection is closed without a word. */
  readonly closeOver?: number | undefined;
}

/** Picks messages by what their SEND says. */
export type Choice = (message: Pick<BrokerMessage, 'destination' | 'headers' | 'body'>) => boolean;

export type CutMoment = 'before-frame' | 'before-receipt' | 'after-receipt';

/** The plan in force. */
export class Faults {
  #plan: FaultPlan;

  constructor(plan: FaultPlan = {}) {
    this.#plan = plan;
  }

  get plan(): FaultPlan {
    return this.#plan;
  }

  /** What is given replaces what was; `undefined` switches it off. */
  inject(plan: FaultPlan): void {
    this.#plan = { ...this.#plan, ...plan };
  }

  clear(): void {
    this.#plan = {};
  }

  /** Called for each SEND that wants a receipt: whether to keep the receipt back, and what becomes of the message. */
  takeDroppedReceipt(message: Parameters<Choice>[0]): 'kept' | 'lost' | undefined {
    const { dropReceipts } = this.#plan;
    if (dropReceipts === undefined || dropReceipts.count <= 0 || dropReceipts.only?.(message) === false) return undefined;
    this.inject({ dropReceipts: { ...dropReceipts, count: dropReceipts.count - 1 } });
    return dropReceipts.message;
  }

  /** Called for each frame: whether it is the one that ends its connection. */
  takeCut(command: string): CutMoment | undefined {
    const { cutAfter } = this.#plan;
    if (cutAfter === undefined || (cutAfter.command ?? command) !== command) return undefined;
    const left = cutAfter.frames - 1;
    this.inject({ cutAfter: left > 0 ? { ...cutAfter, frames: left } : undefined });
    return left > 0 ? undefined : cutAfter.when;
  }

  takeRepetition(): boolean {
    const { repeatDeliveries = 0 } = this.#plan;
    if (repeatDeliveries <= 0) return false;
    this.inject({ repeatDeliveries: repeatDeliveries - 1 });
    return true;
  }
}
