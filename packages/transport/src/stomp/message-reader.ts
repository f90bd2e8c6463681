import { announcedSize, type IncomingFrame, readBody } from './body.js';
import { type Inbox, messageCost } from './inbox.js';

/** What a session lets its reader of messages do. */
export interface ReadingHooks {
  /** Aborts when no more messages are wanted. */
  readonly closing: AbortSignal;
  /** Nothing is read from now on / it is read again. */
  readonly paused: () => void;
  readonly resumed: () => void;
  /** A body is read from now on. */
  readonly began: () => void;
  /** So many bytes of it came. */
  readonly moved: (bytes: number) => void;
  /** It is whole: the next frame can be taken. */
  readonly done: () => void;
}

/** Reads one MESSAGE after the other into an inbox, each to its end: an unread body would hold up every frame behind it. */
export class MessageReader {
  readonly #inbox: Inbox;
  readonly #limit: number;
  readonly #hooks: ReadingHooks;
  #state: 'idle' | 'waiting' | 'reading' | 'ended' = 'idle';
  #admitted = 0;

  constructor(inbox: Inbox, limit: number, hooks: ReadingHooks) {
    this.#inbox = inbox;
    this.#limit = limit;
    this.#hooks = hooks;
  }

  get busy(): boolean {
    return this.#state !== 'idle';
  }

  /** For the inbox to admit a message. */
  get waiting(): boolean {
    return this.#state === 'waiting';
  }

  /** Only when it is not busy. */
  take(frame: IncomingFrame): void {
    const announced = announcedSize(frame) ?? 0;
    // Of one that is too large nothing will be kept.
    const bytes = messageCost(frame.headers, announced > this.#limit ? 0 : announced);
    const { closing } = this.#hooks;
    const admitted = closing.aborted ? Promise.resolve(false) : this.#inbox.admit(bytes, closing);
    if (admitted === true) this.#read(frame, bytes);
    else void this.#readWhenAdmitted(frame, bytes, admitted);
  }

  /** The rest does not come. */
  end(): void {
    if (this.#state === 'reading') this.#inbox.drop(this.#admitted);
    this.#state = 'ended';
  }

  async #readWhenAdmitted(frame: IncomingFrame, bytes: number, admitted: Promise<boolean>): Promise<void> {
    this.#state = 'waiting';
    this.#hooks.paused();
    const yes = await admitted;
    this.#hooks.resumed();
    if (yes && this.#state === 'waiting') this.#read(frame, bytes);
    else if (yes) this.#inbox.drop(bytes);
    else this.#skip(frame);
  }

  #read(frame: IncomingFrame, bytes: number): void {
    this.#state = 'reading';
    this.#admitted = bytes;
    this.#hooks.began();
    readBody(frame, this.#limit, this.#hooks.moved, (body) => {
      if (this.#state !== 'reading') return;
      this.#inbox.deliver({ headers: frame.headers, body, admitted: bytes });
      this.#next();
    });
  }

  #skip(frame: IncomingFrame): void {
    this.#hooks.began();
    readBody(frame, 0, this.#hooks.moved, () => this.#next());
  }

  #next(): void {
    if (this.#state === 'ended') return;
    this.#state = 'idle';
    this.#hooks.done();
  }
}
