import type { OutgoingMessage } from './transport.js';

/** Times that the broker must answer to a message alone with a refusal, while a small one passes, before that is believed. */
const REFUSALS = 3;
/** Connections that a message alone may end, while a small one passes, before it must wait. One may well be an unlucky network's. */
const STRIKES = 2;
/** Messages that were put off and are remembered. */
const MAXIMUM_KNOWN = 1000;

/**
 * Who is charged with the end of a connection, or the failure of a request, where a message was alone: the message, since the broker `told` so;
 * the message, as far as one can guess; or `nobody`.
 */
export type Charge = 'told' | 'guessed' | 'nobody';

/** What the outbox knows of a message. */
export interface Letter {
  readonly message: OutgoingMessage;
  /** Connections that ended, or requests that failed, while nothing else was in flight. */
  strikes: number;
  /** Times that the broker answered to it with a refusal. */
  told: number;
  /** How many messages brokers had taken when it was charged first. */
  landings?: number;
  /** Nobody waits for it any more. */
  abandoned: boolean;
}

interface PutOff {
  /** Failures, others having passed before each. */
  readonly times: number;
  /** Messages that brokers had taken at the last of these, or when it was charged first. */
  readonly landings: number;
}

export interface OutboxLimits {
  readonly window: number;
  readonly byteBudget: number;
  /** Failures of a message, others having passed before each, after which it is taken to be the cause. */
  readonly patience: number;
}

export type Step<L> =
  | { readonly type: 'send'; readonly letter: L; readonly again: boolean }
  | { readonly type: 'probe' }
  /** Nobody can tell whether it is the message's fault: whoever sends it tries again later, and others have their turn. */
  | { readonly type: 'put off'; readonly letter: L }
  /** `limit`: the broker said that it takes so many bytes at most. */
  | { readonly type: 'refuse'; readonly letter: L; readonly limit: number | undefined };

/**
 * Which message goes next. Without the network: it is told what was sent, confirmed and lost.
 *
 * Normally a window of messages is in flight. After a connection ended, those whose fate is unknown go first, one at a time ("probation"): only a
 * message that is alone on a connection can be charged with its end, and only when that broker is there again at the next attempt. Before
 * it gets another chance a small probe must pass, which shows that it is not the broker that fails. What a probe cannot show is whether other
 * messages pass: a queue that is full by bytes takes the probe alone. So a message that alone ended connections is put off, and when it does so
 * again and again it is refused if others were taken meanwhile. What a broker answers to a message is believed without that. Where the broker has
 * said how much it takes, what is larger is not sent on the next connection.
 */
export class Outbox<L extends Letter> {
  readonly #limits: OutboxLimits;
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
  /** The broker of this connection, and what it takes. */
  #broker: string | undefined;
  #limit: number | undefined;
  /** Charged with the end of the last connection to a broker, until it is known whether that broker is there again. */
  readonly #charged = new Map<string | undefined, L>();
  /** Messages that the brokers took. */
  #landings = 0;
  /** Messages that were put off, by id. */
  readonly #known = new Map<string, PutOff>();

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
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

  /** A connection to a broker. `limit`: bytes that it said it takes at most, when it ended the last one. */
  begin(broker: string, limit: number | undefined): void {
    this.#broker = broker;
    this.#limit = limit;
    const charged = this.#charged.get(broker);
    this.#charged.delete(broker);
    if (charged) charged.strikes += 1;
  }

  /** The broker answers nobody now: it went away by itself, and no message is the cause. */
  unreachable(broker: string): void {
    this.#charged.delete(broker);
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
    // What was put off goes alone from the beginning.
    const isKnown = this.#known.has(letter.message.id);
    if (isKnown ? this.#flying.size > 0 : !this.#hasPlace(letter)) return undefined;
    this.#waiting.delete(letter);
    if (isKnown) return this.#tryAlone(letter, false);
    this.#launch(letter);
    return { type: 'send', letter, again: false };
  }

  #nextOnProbation(): Step<L> | undefined {
    const [letter] = this.#suspects;
    if (letter === undefined) return undefined;
    const tooLarge = this.#isTooLarge(letter);
    if ((letter.strikes + letter.told > 0 || tooLarge) && !this.#proven) return this.#probe(letter);
    this.#suspects.shift();
    if (tooLarge) return { type: 'refuse', letter, limit: this.#limit };
    if (letter.told >= REFUSALS) return { type: 'refuse', letter, limit: undefined };
    const allowed = this.#known.has(letter.message.id) ? 1 : STRIKES;
    return letter.strikes < allowed ? this.#tryAlone(letter, true) : this.#verdict(letter);
  }

  #tryAlone(letter: L, again: boolean): Step<L> {
    this.#onProbation = letter;
    this.#launch(letter);
    return { type: 'send', letter, again };
  }

  #verdict(letter: L): Step<L> {
    const { id } = letter.message;
    const before = this.#known.get(id);
    const since = before?.landings ?? letter.landings ?? this.#landings;
    const othersPassed = since < this.#landings;
    const times = (before?.times ?? 0) + (othersPassed ? 1 : 0);
    this.#known.delete(id);
    if (before && othersPassed && times >= this.#limits.patience) return { type: 'refuse', letter, limit: undefined };
    this.#know(id, { times, landings: othersPassed ? this.#landings : since });
    return { type: 'put off', letter };
  }

  #know(id: string, failure: PutOff): void {
    this.#known.set(id, failure);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAXIMUM_KNOWN && oldest !== undefined) this.#known.delete(oldest);
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
    const { byteBudget, window } = this.#limits;
    return this.#flying.size < window && this.#flyingBytes + message.body.length <= byteBudget;
  }

  #launch(letter: L): void {
    this.#flying.add(letter);
    this.#flyingBytes += letter.message.body.length;
  }

  /** The broker has it. */
  landed(letter: L): void {
    this.#landings += 1;
    if (letter.landings !== undefined || this.#known.has(letter.message.id)) this.#acquit();
    this.#known.delete(letter.message.id);
    this.dropped(letter);
  }

  /** A good message was charged, so others may be good, too: a queue at its limit takes now this one, now that one. */
  #acquit(): void {
    for (const id of this.#known.keys()) this.#known.set(id, { times: 0, landings: this.#landings });
  }

  /** It turned out to be unsendable. */
  dropped(letter: L): void {
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
  connectionEnded(charge: Charge): void {
    const lost = [...this.#flying];
    const [alone, ...others] = lost;
    const charged = charge === 'nobody' || others.length > 0 || this.#probing?.letter ? undefined : alone;
    if (charged) this.#charge(charged, charge === 'told');
    else if (this.#probing?.letter) this.#forgive(this.#probing.letter);
    this.#landNothing();
    const wanted = lost.filter((letter) => !letter.abandoned);
    // Whoever is charged waits for the others: whether they pass is what tells.
    this.#suspects = charged ? [...this.#suspects, ...wanted] : [...wanted, ...this.#suspects];
  }

  /** What was in flight was not looked at: it is sent again as if it never had been. */
  returned(): void {
    const wanted = [...this.#flying].filter((letter) => !letter.abandoned);
    const trial = this.#onProbation;
    this.#landNothing();
    if (trial) this.#suspects.unshift(...wanted);
    else {
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const letter of [...wanted, ...waiting]) this.#waiting.add(letter);
    }
  }

  #landNothing(): void {
    this.#probing = undefined;
    this.#onProbation = undefined;
    this.#proven = false;
    this.#flying.clear();
    this.#flyingBytes = 0;
  }

  #charge(letter: L, isTold: boolean): void {
    if (isTold) letter.told += 1;
    else this.#charged.set(this.#broker, letter);
    letter.landings ??= this.#landings;
  }

  /** Where not even a probe passes, the last end proves nothing either. */
  #forgive(letter: L): void {
    letter.strikes = 0;
    letter.told = 0;
    for (const [broker, charged] of this.#charged) if (charged === letter) this.#charged.delete(broker);
  }
}
