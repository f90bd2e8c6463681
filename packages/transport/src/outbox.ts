import type { TransportError, TransportErrorCode } from './errors.js';
import type { OutgoingMessage } from './transport.js';

/** A message that alone ends so many connections, while a small one passes, is refused. Two may well be an unlucky network's. */
export const STRIKES = 3;

/**
 * Ends that a message can be the cause of: a broker that refuses a frame says ERROR, closes the connection, or never answers. A broker that is
 * silent altogether is another matter.
 */
const CHARGED: ReadonlySet<TransportErrorCode> = new Set(['broker-error', 'connection-lost', 'receipt-timeout']);

/** What the outbox knows of a message. */
export interface Letter {
  readonly message: OutgoingMessage;
  /** Connections that ended while nothing else was in flight. */
  strikes: number;
  /** Nobody waits for it any more. */
  abandoned: boolean;
}

export type Step<L> =
  | { readonly type: 'send'; readonly letter: L; readonly again: boolean }
  | { readonly type: 'probe' }
  /** `limit`: the broker said that it takes so many bytes at most. */
  | { readonly type: 'refuse'; readonly letter: L; readonly limit: number | undefined };

/**
 * Which message goes next. Without the network: it is told what was sent, confirmed and lost.
 *
 * Normally a window of messages is in flight. After a connection ended, those whose fate is unknown go first, one at a time ("probation"): only a
 * message that is alone on a connection can be charged with its end, and only when the broker is there again at once. Before it gets another chance
 * a small probe message must pass, which shows that it is not the broker that fails. Where the broker has said how much it takes, what is larger is not sent on the next connection.
 */
export class Outbox<L extends Letter> {
  readonly #window: number;
  readonly #byteBudget: number;
  readonly #waiting = new Set<L>();
  readonly #flying = new Set<L>();
  #flyingBytes = 0;
  /** On probation, the next one first. */
  #suspects: L[] = [];
  /** The one of them that is in flight. */
  #onProbation: L | undefined;
  /** The probe that is in flight, and for whom. */
  #probing: { readonly letter: L | undefined } | undefined;
  /** The broker has answered nothing since it owed a receipt. */
  #doubted = false;
  /** A probe passed on this connection. */
  #proven = false;
  /** What the broker of this connection takes. */
  #limit: number | undefined;
  /** Charged with the end of the last connection, as long as no other has been made. */
  #charged: L | undefined;

  constructor(limits: { readonly window: number; readonly byteBudget: number }) {
    this.#window = limits.window;
    this.#byteBudget = limits.byteBudget;
  }

  /** Everything that somebody still waits for. */
  *letters(): Iterable<L> {
    for (const letter of [...this.#flying, ...this.#suspects, ...this.#waiting]) if (!letter.abandoned) yield letter;
  }

  get size(): number {
    let abandoned = 0;
    for (const letter of this.#flying) if (letter.abandoned) abandoned += 1;
    return this.#flying.size + this.#suspects.length + this.#waiting.size - abandoned;
  }

  /** A connection to a broker that said, when it ended the last one, how many bytes it takes at most. */
  begin(limit: number | undefined): void {
    this.#limit = limit;
    this.#charged = undefined;
  }

  /** The broker that ended the last connection answers nobody now: it went away by itself, and no message is the cause. */
  unreachable(): void {
    if (this.#charged) this.#charged.strikes -= 1;
    this.#charged = undefined;
  }

  add(letter: L): void {
    this.#waiting.add(letter);
  }

  /** It is not sent (again). What is in flight keeps its place until the broker answers. */
  abandon(letter: L): void {
    letter.abandoned = true;
    this.#waiting.delete(letter);
    this.#suspects = this.#suspects.filter((suspect) => suspect !== letter);
  }

  /** What to do now, on a living connection; undefined: nothing, until something changes. */
  next(): Step<L> | undefined {
    if (this.#probing || this.#onProbation) return undefined;
    return this.#suspects.length > 0 ? this.#nextOnProbation() : this.#nextInWindow();
  }

  #nextInWindow(): Step<L> | undefined {
    const [letter] = this.#waiting;
    // Nobody may come for long: whether the broker is well again would not show.
    if (letter === undefined) return this.#doubted && this.#flying.size === 0 ? this.#probe(undefined) : undefined;
    if (this.#isTooLarge(letter)) {
      this.#waiting.delete(letter);
      this.#suspects.push(letter);
      return this.#nextOnProbation();
    }
    if (!this.#hasPlace(letter)) return undefined;
    this.#waiting.delete(letter);
    this.#launch(letter);
    return { type: 'send', letter, again: false };
  }

  #nextOnProbation(): Step<L> | undefined {
    const [letter] = this.#suspects;
    if (letter === undefined) return undefined;
    const tooLarge = this.#isTooLarge(letter);
    if ((letter.strikes > 0 || tooLarge) && !this.#proven) return this.#probe(letter);
    this.#suspects.shift();
    if (tooLarge) return { type: 'refuse', letter, limit: this.#limit };
    if (letter.strikes >= STRIKES) return { type: 'refuse', letter, limit: undefined };
    this.#onProbation = letter;
    this.#launch(letter);
    return { type: 'send', letter, again: true };
  }

  #probe(letter: L | undefined): Step<L> {
    this.#probing = { letter };
    return { type: 'probe' };
  }

  #isTooLarge({ message }: L): boolean {
    return this.#limit !== undefined && message.body.length > this.#limit;
  }

  #hasPlace({ message }: L): boolean {
    // What is larger than the whole budget passes alone.
    if (this.#flying.size === 0) return true;
    return this.#flying.size < this.#window && this.#flyingBytes + message.body.length <= this.#byteBudget;
  }

  #launch(letter: L): void {
    this.#flying.add(letter);
    this.#flyingBytes += letter.message.body.length;
  }

  /** The broker has it, or it turned out to be unsendable. */
  landed(letter: L): void {
    if (this.#flying.delete(letter)) this.#flyingBytes -= letter.message.body.length;
    if (this.#onProbation === letter) this.#onProbation = undefined;
    this.#doubted = false;
  }

  probePassed(): void {
    this.#probing = undefined;
    this.#proven = true;
    this.#doubted = false;
  }

  /** The broker owes an answer: it is asked by a probe when nothing else is to be sent. */
  doubt(): void {
    this.#doubted = true;
  }

  /** The fate of everything in flight is unknown. */
  connectionEnded(error: TransportError | undefined): void {
    const lost = [...this.#flying];
    const [alone] = lost;
    // Where not even a probe passes, the last end proves nothing either.
    if (this.#probing?.letter) this.#probing.letter.strikes = 0;
    else if (alone && lost.length === 1 && error && CHARGED.has(error.code)) this.#charge(alone);
    if (error?.code === 'receipt-timeout') this.doubt();
    this.#probing = undefined;
    this.#onProbation = undefined;
    this.#proven = false;
    this.#flying.clear();
    this.#flyingBytes = 0;
    this.#suspects = [...lost.filter((letter) => !letter.abandoned), ...this.#suspects];
  }

  #charge(letter: L): void {
    letter.strikes += 1;
    this.#charged = letter;
  }
}
