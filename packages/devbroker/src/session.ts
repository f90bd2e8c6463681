import type { ConnectionInfo, Context } from './context.js';
import { encodeHeaders, type Frame, Refusal, type StompVersion, VERSIONS } from './frame.js';
import type { Message } from './message.js';
import type { Output } from './output.js';
import { type AckMode, type Deliverer, Subscription } from './subscription.js';

/** The connection below a session. */
export interface Link {
  readonly output: Output;
  readonly info: ConnectionInfo;
  /** `heartbeat`: what each side offers to send and wants to receive, milliseconds. */
  established(version: StompVersion, login: string | undefined, heartbeat: readonly [number, number]): void;
  /** Lets out what was written, then closes. */
  finish(): void;
}

const ACK_MODES: ReadonlySet<string> = new Set<AckMode>(['auto', 'client', 'client-individual']);
const isAckMode = (text: string): text is AckMode => ACK_MODES.has(text);
const PREFETCH_HEADERS = ['prefetch-count', 'activemq.prefetchSize'] as const;
const TEXT = ['content-type', 'text/plain'] as const;

function required(frame: Frame, name: string): string {
  const value = frame.headers.get(name);
  if (value === undefined) throw new Refusal(`${frame.command} without a ${name} header`);
  return value;
}

function negotiateVersion(frame: Frame): StompVersion {
  const offered = (frame.headers.get('accept-version') ?? '1.0').split(',').map((text) => text.trim());
  const version = VERSIONS.find((known) => offered.includes(known));
  if (version !== undefined) return version;
  const headers = new Map([['version', VERSIONS.toReversed().join(',')]]);
  throw new Refusal(`Supported protocol versions are ${VERSIONS.toReversed().join(' ')}`, { headers });
}

function offeredHeartbeat(frame: Frame): readonly [number, number] {
  const text = frame.headers.get('heart-beat') ?? '0,0';
  const match = /^(\d{1,9}),(\d{1,9})$/.exec(text.trim());
  if (match === null) throw new Refusal('heart-beat is not two numbers');
  return [Number(match[1]), Number(match[2])];
}

/** STOMP as one client speaks it: what each frame does. */
export class Session implements Deliverer {
  readonly #context: Context;
  readonly #link: Link;
  readonly #subscriptions = new Map<string, Subscription>();
  #version: StompVersion | undefined;
  #deliveries = 0;
  #closed = false;
  /** A fault keeps the receipt of the frame at hand back. */
  #withoutReceipt = false;

  readonly #commands: ReadonlyMap<string, (frame: Frame) => void> = new Map([
    ['SEND', (frame: Frame) => this.#send(frame)],
    ['SUBSCRIBE', (frame: Frame) => this.#subscribe(frame)],
    ['UNSUBSCRIBE', (frame: Frame) => this.#unsubscribe(frame)],
    ['ACK', (frame: Frame) => this.#acknowledge(frame)],
    ['NACK', (frame: Frame) => this.#reject(frame)],
    ['DISCONNECT', () => this.#giveAllBack()],
  ]);

  constructor(context: Context, link: Link) {
    this.#context = context;
    this.#link = link;
  }

  get subscriptions(): readonly string[] {
    return Array.from(this.#subscriptions.values(), (subscription) => subscription.destination);
  }

  get ready(): boolean {
    return !this.#closed && !this.#link.output.congested;
  }

  /** Throws Refusal for what the client may not do. */
  handle(frame: Frame, withoutReceipt: boolean): void {
    this.#withoutReceipt = withoutReceipt;
    if (this.#version === undefined) {
      this.#connect(frame);
      return;
    }
    const command = this.#commands.get(frame.command);
    if (command === undefined) throw new Refusal(`No such command, or not here: ${frame.command.slice(0, 40)}`);
    if (frame.headers.has('transaction')) throw new Refusal('Transactions are not supported');
    command(frame);
    this.#receipt(frame);
    if (frame.command === 'DISCONNECT') this.#link.finish();
  }

  /** Says why, as far as the refusal wants that, and closes. */
  fail(refusal: Refusal, frame?: Frame): void {
    this.#context.events.emit('refused', refusal.message);
    if (!refusal.wordless) {
      const receipt = frame?.headers.get('receipt');
      const body = Buffer.from(`${refusal.message}\n`);
      const headers: [string, string][] = [['message', refusal.message], [...TEXT], ['content-length', String(body.length)]];
      if (receipt !== undefined) headers.push(['receipt-id', receipt]);
      this.#write('ERROR', [...headers, ...refusal.headers], body);
      this.#context.counters.errors += 1;
    }
    this.#link.finish();
  }

  /** The connection is gone: what was not acknowledged goes back to its queues. Idempotent. */
  close(): void {
    this.#giveAllBack();
  }

  /** There may be room for more. */
  dispatch(): void {
    for (const subscription of this.#subscriptions.values()) this.#context.store.dispatch(subscription.destination);
  }

  deliver(subscription: Subscription, message: Message): void {
    this.#deliverOnce(subscription, message, false);
    if (this.#context.faults.takeRepetition()) this.#deliverOnce(subscription, message, true);
    if (subscription.mode === 'auto') this.#context.store.settle(message);
    this.#context.events.emit('deliver', message);
  }

  #deliverOnce(subscription: Subscription, message: Message, again: boolean): void {
    const version = this.#version ?? '1.0';
    this.#deliveries += 1;
    // Before 1.2 an ACK names the message id, so that a repetition needs one of its own.
    const id = again && version !== '1.2' ? `${message.id}-again` : message.id;
    const key = version === '1.2' ? `${this.#link.info.id}.${this.#deliveries}` : id;
    const headers: [string, string][] = [['message-id', id]];
    if (subscription.id !== '') headers.push(['subscription', subscription.id]);
    if (version === '1.2' && subscription.mode !== 'auto') headers.push(['ack', key]);
    if (message.redelivered) headers.push(['redelivered', 'true']);
    const lines = encodeHeaders('MESSAGE', headers, version);
    this.#link.output.frame(`MESSAGE\n${lines}${message.encodedHeaders(version)}\n`, message.body);
    if (subscription.mode !== 'auto') subscription.pending.set(key, message);
    this.#context.counters.deliveries += 1;
    if (message.redelivered) this.#context.counters.redeliveries += 1;
  }

  #connect(frame: Frame): void {
    if (frame.command !== 'CONNECT' && frame.command !== 'STOMP') throw new Refusal('The first frame must be CONNECT');
    const { settings, faults, counters } = this.#context;
    if (faults.plan.silentConnect === true) return;
    const version = negotiateVersion(frame);
    const login = frame.headers.get('login');
    const wrongLogin = settings.login !== undefined && settings.login !== login;
    const wrongPasscode = settings.passcode !== undefined && settings.passcode !== frame.headers.get('passcode');
    if (wrongLogin || wrongPasscode) throw new Refusal('Access denied');
    const offered = version === '1.0' ? ([0, 0] as const) : offeredHeartbeat(frame);
    this.#version = version;
    counters.connects += 1;
    this.#link.established(version, login, offered);
    const { id } = this.#link.info;
    this.#write('CONNECTED', [
      ['version', version],
      ['session', `session-${id}`],
      ['server', settings.server],
      ['heart-beat', settings.heartbeat.join(',')],
    ]);
    this.#context.events.emit('connect', this.#link.info);
  }

  #send(frame: Frame): void {
    const { store, faults, counters, events } = this.#context;
    const destination = required(frame, 'destination');
    const message = { destination, headers: frame.headers, body: frame.body };
    if (faults.plan.refuse?.(message) === true) throw new Refusal('The message is refused');
    counters.sends += 1;
    const dropped = frame.headers.has('receipt') ? faults.takeDroppedReceipt(message) : undefined;
    if (dropped !== undefined) this.#withoutReceipt = true;
    if (dropped === 'lost') return;
    events.emit('send', store.publish(destination, frame.headers, frame.body));
    store.dispatch(destination);
  }

  #subscribe(frame: Frame): void {
    const destination = required(frame, 'destination');
    const id = this.#version === '1.0' ? (frame.headers.get('id') ?? '') : required(frame, 'id');
    const mode = frame.headers.get('ack') ?? 'auto';
    if (!isAckMode(mode)) throw new Refusal('Unknown ack mode');
    const key = id === '' ? destination : id;
    if (this.#subscriptions.has(key)) throw new Refusal('There is a subscription with this id');
    const wanted = PREFETCH_HEADERS.map((name) => Number(frame.headers.get(name))).find((count) => Number.isInteger(count) && count > 0);
    const prefetch = wanted ?? this.#context.settings.prefetch;
    const subscription = new Subscription({ id, destination, mode, prefetch }, this);
    this.#subscriptions.set(key, subscription);
    this.#context.events.emit('subscribe', this.#link.info, destination);
    this.#context.store.subscribe(destination, subscription);
  }

  #unsubscribe(frame: Frame): void {
    const key = this.#version === '1.0' ? (frame.headers.get('id') ?? required(frame, 'destination')) : required(frame, 'id');
    const subscription = this.#subscriptions.get(key);
    if (subscription === undefined) throw new Refusal('There is no subscription with this id');
    this.#subscriptions.delete(key);
    this.#giveBack(subscription);
  }

  #acknowledge(frame: Frame): void {
    const { store, counters, events, faults } = this.#context;
    const { messages, subscription } = this.#named(frame);
    if (faults.plan.silentAcks === true) this.#withoutReceipt = true;
    for (const message of messages) {
      store.settle(message);
      events.emit('ack', message);
    }
    counters.acks += 1;
    store.dispatch(subscription.destination);
  }

  #reject(frame: Frame): void {
    const { store, counters, events } = this.#context;
    const { messages, subscription } = this.#named(frame);
    counters.nacks += 1;
    for (const message of messages) events.emit('nack', message);
    store.giveBack(subscription.destination, messages);
  }

  /** The messages that an ACK or NACK is about; they are no longer pending. */
  #named(frame: Frame): { readonly messages: Message[]; readonly subscription: Subscription } {
    const key = required(frame, this.#version === '1.2' ? 'id' : 'message-id');
    for (const subscription of this.#subscriptions.values())
      if (subscription.pending.has(key)) return { subscription, messages: subscription.takePending(key) };
    throw new Refusal(`${frame.command} for what was not delivered, or is acknowledged already`);
  }

  #receipt(frame: Frame): void {
    const id = frame.headers.get('receipt');
    if (id === undefined || this.#withoutReceipt) return;
    this.#context.counters.receipts += 1;
    this.#write('RECEIPT', [['receipt-id', id]]);
  }

  #giveAllBack(): void {
    this.#closed = true;
    const all = [...this.#subscriptions.values()];
    this.#subscriptions.clear();
    for (const subscription of all) this.#giveBack(subscription);
  }

  #giveBack(subscription: Subscription): void {
    const { store } = this.#context;
    store.unsubscribe(subscription.destination, subscription);
    store.giveBack(subscription.destination, subscription.pending.values());
    subscription.pending.clear();
  }

  #write(command: string, headers: Iterable<readonly [string, string]>, body?: Buffer): void {
    this.#link.output.frame(`${command}\n${encodeHeaders(command, headers, this.#version ?? '1.2')}\n`, body);
  }
}
