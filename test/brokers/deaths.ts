import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { it } from 'node:test';
import { eventually, type Scope, startTcpProxy } from '@ssm/test-support';
import { createStompPublisher, createStompSubscriber, type Delivery, type StompOptions } from '@ssm/transport';
import { settled } from '../e2e/delivery-suite.js';
import { addToDirq } from '../e2e/world.js';
import { meet, type QueueType, type Venue, withLogin } from './venue.js';

const DEATHS = 40;
const WINDOW = 10;
const MESSAGES = 30;
/** So long nothing comes where nothing is left. */
const SILENCE_MS = 10_000;

interface Account {
  readonly login: string;
  readonly passcode: string;
}

/** Where a client goes, and as whom. */
interface Place {
  readonly queue: string;
  readonly type: QueueType;
  readonly account?: Account;
}

function client({ broker }: Venue, port: number, { queue, type, account = broker }: Place): StompOptions {
  return {
    brokers: [{ host: broker.host, port }],
    destination: `/queue/${queue}`,
    login: account.login,
    passcode: account.passcode,
    window: WINDOW,
    backoff: { initialMs: 20, maximumMs: 100 },
    extraHeaders: broker.kind.startsWith('rabbitmq') && type === 'quorum' ? { 'x-queue-type': 'quorum' } : {},
  };
}

/**
 * A consumer that takes a window of messages and dies with all of them, so many times: its connection is reset, as the system does it for a
 * process that was killed. How often it died before nothing came any more.
 */
async function dies(scope: Scope, venue: Venue, place: Place): Promise<number> {
  const { host, plainPort } = venue.broker;
  const proxy = await startTcpProxy(scope, { host, port: plainPort });
  const subscriber = createStompSubscriber(client(venue, proxy.port, place));
  scope.after(() => subscriber.drain(AbortSignal.abort()));
  const deliveries = subscriber.deliveries(new AbortController().signal)[Symbol.asyncIterator]();
  const held: Delivery[] = [];
  let next = deliveries.next();
  for (let deaths = 0; deaths < DEATHS; deaths += 1) {
    while (held.length < WINDOW) {
      const silence = AbortSignal.timeout(SILENCE_MS);
      const result = await Promise.race([
        next,
        new Promise<undefined>((resolve) => silence.addEventListener('abort', () => resolve(undefined))),
      ]);
      if (result === undefined) return deaths;
      held.push(result.value);
      next = deliveries.next();
    }
    proxy.cutAll();
    for (const delivery of held.splice(0)) delivery.abandon();
  }
  await subscriber.drain(AbortSignal.abort());
  return DEATHS;
}

/** With the configuration of docs/brokers.md. */
export function survivesDeaths(venue: Venue, type: QueueType): void {
  it(`${DEATHS} receivers that die in a row with the window full lose nothing, ${type}`, async (test) => {
    const { world, queue } = await meet(test, venue, type);
    const hashes = addToDirq(world.outgoing, MESSAGES);
    const config = withLogin(venue);
    const sender = await world.sender({ config, args: ['--once'] });
    assert.equal((await sender.child.exited).code, 0, sender.child.output());
    assert.equal(await dies(test, venue, { queue, type }), DEATHS);
    const receiver = await world.receiver({ config });
    await receiver.ready(60_000);
    await settled(world, receiver, hashes);
    assert.equal(await receiver.stop(), 0);
    assert.equal(await venue.broker.depth(queue), 0);
  });
}

/** Messages after all those deaths: in their queue, and in the one for dead letters. */
interface Fate {
  readonly left: number;
  readonly dead: number;
}

export interface Returns {
  readonly account?: Account;
  /** Begins the name of the queue. */
  readonly prefix?: string;
  readonly deadLetters: string;
  readonly expected: (fate: Fate, put: number, window: number) => boolean;
}

/** Documents what becomes of messages that come back again and again where something else is configured, or nothing. */
export function returns(venue: Venue, what: string, { account = venue.broker, prefix = 'ssm.', deadLetters, expected }: Returns): void {
  it(what, async (test) => {
    const { broker } = venue;
    const queue = `${prefix}deaths.${randomUUID()}`;
    const place = { queue, type: 'quorum', account } as const;
    const publisher = createStompPublisher(client(venue, broker.plainPort, place));
    test.after(() => publisher.drain(AbortSignal.abort()));
    const never = new AbortController().signal;
    await Promise.all(
      Array.from({ length: MESSAGES }, (_, index) => publisher.publish({ id: `m-${index}`, body: Buffer.from('x') }, never)),
    );
    const before = await broker.depth(deadLetters);
    await dies(test, venue, place);
    await eventually(
      async () => {
        const fate = { left: await broker.depth(queue), dead: (await broker.depth(deadLetters)) - before };
        assert.ok(expected(fate, MESSAGES, WINDOW), JSON.stringify(fate));
      },
      { timeout: 30_000, interval: 200, what: 'this fate' },
    );
  });
}
