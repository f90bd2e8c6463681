import { mkdirSync, mkdtempSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { startService } from '../support/services.js';
import { addUnread, IN_A_DIRECTORY, keepSmall, lookUpRate, remember, Waiting } from './backlog.js';
import { firstDelivery } from './bare-stomp.js';
import { between } from './limits.js';
import { atLeast, type Ground, messagesOf, serviceFigures } from './loads.js';
import type { Aim, Aimed } from './measurement.js';
import { type Course, configOf, fill, follow, measureService, prepare, type Stage, storeOf, type Throughput } from './pair.js';
import { type Load, messagesFor } from './plan.js';
import type { Sample } from './sample.js';
import { atMost, startReady } from './still.js';

// What a service costs when a queue or its record has grown, beside the same with a small one, in the same repeat.

const SMALL_LOAD: Load = { bytes: 1024, encrypted: false, key: 'RSA', tls: false };
/** More than a sender was ever seen to do in a second, and what to count on of a receiver that was not measured yet. */
const MOST_SENT = 4000;
const MOST_STORED = 1500;
/** What a receiver still takes after its last reading, and more: the next one must find its share. */
const SLACK = 1000;
const FIRST_MESSAGE_MS = 2000;
const SENDER_BYTES = 200e6;
const READY_MS = 5000;
const OF_SMALL = 0.8;
/** "No more", within what two measurements of the same differ by. */
const COST: Aim['target'] = { kind: 'at most', share: 1.1 };
/** Of the receiver, beside what it stores. */
const RECORD = path.join('incoming', '.delivered');
const FEW_IDS = 1000;
/** Of each size: a file in outgoing, a directory and three names in incoming (a tmpfs counts names), a record, and some to spare. */
const INODES_FOR_EACH = 7;

const RECEIVERS = ['empty', 'unread'] as const;
type ReceiverKind = (typeof RECEIVERS)[number];

interface Received {
  readonly throughput: Throughput;
  readonly readyMs: number;
}

export class Growth {
  readonly #ground: Ground;
  readonly #size: number;
  readonly #sizeText: string;
  /** Grown once, and used by all repeats. */
  #grown: { readonly root: string; readonly waiting: Waiting } | undefined;
  #repeats = 0;

  /** `size`: files in outgoing, unread elements, remembered ids. */
  constructor(ground: Ground, size: number) {
    this.#ground = ground;
    this.#size = size;
    this.#sizeText = size.toLocaleString('en');
  }

  /** The figures of one repeat. */
  async measure(): Promise<Aimed[]> {
    this.#grown ??= await this.#grow();
    const grown = this.#grown;
    const small = await this.#sendSmall();
    const { figures, stage, sent } = await this.#sendLarge(grown, small.rate);
    try {
      const received = await this.#receiveAll(stage, grown.root, sent);
      return [
        ...serviceFigures('sender', this.#name(IN_A_DIRECTORY.toLocaleString('en'), 'files'), small),
        ...figures,
        ...this.#receiverFigures(received),
        ...(await this.#memoryFigures(stage, grown.root)),
      ];
    } finally {
      await stage.venue.close();
      this.#repeats += 1;
    }
  }

  #name(count: string, what: string): string {
    return `growth: ${count} ${what}`;
  }

  async #grow(): Promise<{ root: string; waiting: Waiting }> {
    this.#checkRoom();
    const root = mkdtempSync(path.join(this.#ground.directory, 'growth-'));
    for (const kind of ['large', 'unread', 'remembered']) this.#stage(path.join(root, kind));
    addUnread(path.join(storeOf(path.join(root, 'unread')), 'incoming'), this.#size);
    await remember(path.join(storeOf(path.join(root, 'remembered')), RECORD), this.#size);
    await remember(path.join(root, 'few'), FEW_IDS);
    return { root, waiting: new Waiting(path.join(root, 'large', 'outgoing')) };
  }

  /** Throws where there are not enough inodes: that would be found out after minutes. */
  #checkRoom(): void {
    const { directory } = this.#ground;
    const { files, ffree } = statfsSync(directory);
    const needed = INODES_FOR_EACH * this.#size;
    // Some file systems do not count them.
    if (files === 0 || ffree >= needed) return;
    throw new Error(
      `${directory} has ${ffree} inodes left, a backlog of ${this.#size} takes up to ${needed}: choose another --directory, or a smaller --backlog; ` +
        'a tmpfs has no such limit after mount -o remount,nr_inodes=0',
    );
  }

  #stage(directory: string): void {
    prepare({ directory, pki: this.#ground.pki.RSA });
  }

  async #open(directory: string): Promise<Stage> {
    const { scope, pki, brokers } = this.#ground;
    this.#stage(directory);
    return { scope, directory, pki: pki.RSA, venue: await brokers.open(false) };
  }

  #course(total: number, until = 0): Course {
    return { ...this.#ground.plan, total, until };
  }

  /** About 1,000 files waiting at any moment. */
  async #sendSmall(): Promise<Throughput> {
    const stage = await this.#open(mkdtempSync(path.join(this.#ground.directory, 'small-')));
    const [outgoing, reserve] = ['outgoing', 'reserve'].map((name) => path.join(stage.directory, name)) as [string, string];
    const directories = Math.ceil(messagesFor(SMALL_LOAD, MOST_SENT, this.#ground.plan) / IN_A_DIRECTORY);
    mkdirSync(reserve);
    for (let index = 0; index < directories; index += 1) fill(reserve, SMALL_LOAD.bytes, IN_A_DIRECTORY, directories - index);
    const done = new AbortController();
    const feeding = keepSmall(outgoing, reserve, done.signal);
    try {
      return await measureService('sender', stage, false, this.#course(directories * IN_A_DIRECTORY));
    } finally {
      done.abort();
      await feeding;
      await stage.venue.close();
    }
  }

  async #sendLarge({ root, waiting }: { root: string; waiting: Waiting }, smallRate: number) {
    const stage = await this.#open(path.join(root, 'large'));
    waiting.fillTo(this.#size);
    const total = waiting.files;
    const until = RECEIVERS.length * ((await messagesOf(this.#ground, 'receiver', SMALL_LOAD, () => MOST_STORED)) + SLACK);
    let began = 0;
    let following: Promise<Throughput> | undefined;
    const first = await firstDelivery(stage.venue.own(), async () => {
      began = performance.now();
      const service = await startService(stage.scope, 'sender', configOf('sender', stage, false), { directory: stage.directory });
      following = follow(service, stage.venue.port, this.#course(total, until));
      following.catch(() => undefined);
    });
    if (following === undefined) throw new Error('no sender was started');
    const throughput = await following;
    waiting.sent(throughput.messages);
    const name = this.#name(this.#sizeText, 'files');
    const aim = { limit: smallRate, of: '1,000 files', target: atLeast(OF_SMALL) };
    const figures: Aimed[] = serviceFigures('sender', name, throughput).map((figure) => {
      if (figure.unit === 'bytes') return { ...figure, ...atMost(SENDER_BYTES) };
      return figure.unit === '1/s' ? { ...figure, aim } : figure;
    });
    figures.push({ name: `sender first message, ${name}`, value: first - began, unit: 'ms', ...atMost(FIRST_MESSAGE_MS) });
    return { figures, stage, sent: throughput.messages };
  }

  /** An empty receiver and the grown ones, in another order each time, with what the sender sent shared out among them. */
  async #receiveAll(stage: Stage, root: string, sent: number): Promise<Record<ReceiverKind, Received>> {
    const share = Math.floor(sent / RECEIVERS.length) - SLACK;
    const received: Partial<Record<ReceiverKind, Received>> = {};
    for (let index = 0; index < RECEIVERS.length; index += 1) {
      const kind = RECEIVERS[(index + this.#repeats) % RECEIVERS.length] ?? 'empty';
      const directory = kind === 'empty' ? mkdtempSync(path.join(this.#ground.directory, 'empty-')) : path.join(root, kind);
      if (kind === 'empty') this.#stage(directory);
      received[kind] = await this.#receive({ ...stage, directory }, share);
    }
    return received as Record<ReceiverKind, Received>;
  }

  /** With the default settings: incoming is counted once, while the receiver warms up. */
  async #receive(stage: Stage, total: number): Promise<Received> {
    const { service, readyMs } = await startReady('receiver', stage, configOf('receiver', stage, false));
    return { readyMs, throughput: await follow(service, stage.venue.port, this.#course(total)) };
  }

  #receiverFigures({ empty, unread }: Record<ReceiverKind, Received>): Aimed[] {
    const name = this.#name(this.#sizeText, 'unread elements');
    const held = serviceFigures('receiver', name, unread.throughput).map((figure): Aimed => {
      if (figure.unit === 'bytes') return figure;
      const isCost = figure.unit === 'us/message';
      const limit = isCost ? (empty.throughput.cpuSeconds ?? Number.NaN) * 1e6 : empty.throughput.rate;
      return { ...figure, aim: { limit, of: 'empty', target: isCost ? COST : atLeast(OF_SMALL) } };
    });
    return [
      ...serviceFigures('receiver', 'growth: nothing in incoming', empty.throughput),
      ...held,
      { name: `receiver start to ready, ${name}`, value: unread.readyMs, unit: 'ms', ...atMost(READY_MS) },
    ];
  }

  /** How soon a receiver is there that remembers much, and how quickly it is found that an id is one of many, and of few before and after. */
  async #memoryFigures(stage: Stage, root: string): Promise<Aimed[]> {
    const directory = path.join(root, 'remembered');
    const { service, readyMs } = await startReady(
      'receiver',
      { ...stage, directory },
      configOf('receiver', { ...stage, directory }, false),
    );
    await service.stop();
    const few = async (): Promise<Sample[]> => {
      return [{ name: 'few', value: await lookUpRate(path.join(root, 'few'), FEW_IDS, this.#ground.plan.limitMs), unit: '1/s' }];
    };
    const many = (): Promise<number> => lookUpRate(path.join(storeOf(directory), RECORD), this.#size, 2 * this.#ground.plan.limitMs);
    const { result, limits } = await between(few, many);
    const name = this.#name(this.#sizeText, 'remembered ids');
    const aim = { limit: limits.get('few') ?? Number.NaN, of: '1,000 ids', target: atLeast(OF_SMALL) };
    return [
      { name: `look-ups, ${name}`, value: result, unit: '1/s', aim },
      { name: `receiver start to ready, ${name}`, value: readyMs, unit: 'ms', ...atMost(READY_MS) },
    ];
  }
}
