import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, type Scope } from '@ssm/test-support';
import { Intake, type IntakeOptions } from '../src/intake.js';
import { createReceiverMetrics } from '../src/metrics.js';
import type { Result } from '../src/pipeline.js';
import { LocalTrouble } from '../src/trouble.js';
import { createContext, metricOf, type TestContext } from './support/context.js';
import { type FakeDelivery, FakeSubscriber, fakeDelivery } from './support/fake-subscriber.js';

interface Bench {
  readonly intake: Intake;
  readonly context: TestContext;
  readonly subscriber: FakeSubscriber;
  readonly received: string[];
  readonly done: Promise<number>;
}

function reasonOf(context: TestContext, component: string): string | undefined {
  return context.health.ready().components[component]?.reason;
}

function start(scope: Scope, options: Partial<Pick<IntakeOptions, 'prepare' | 'receive' | 'window' | 'drainMs'>> = {}): Bench {
  const context = createContext(scope);
  const subscriber = new FakeSubscriber();
  const received: string[] = [];
  const intake = new Intake({
    context,
    metrics: createReceiverMetrics(context.metrics, {
      now: () => new Date(),
      inFlight: () => ({ messages: 0, bytes: 0 }),
      incoming: () => undefined,
      reject: () => ({ elements: 0, bytes: 0 }),
      held: () => 0,
    }),
    prepare: async () => undefined,
    subscriber,
    receive: async (delivery) => {
      received.push(delivery.empaId ?? '');
      await delivery.acknowledge();
      return { outcome: 'ping', acknowledged: true };
    },
    beside: async () => undefined,
    window: 4,
    drainMs: 1000,
    random: () => 1,
    firstPauseMs: 1,
    ...options,
  });
  const { done = Promise.resolve(-1) } = intake.start();
  return { intake, context, subscriber, received, done };
}

const retry: Result = { outcome: 'retry', trouble: new LocalTrouble('incoming', new Error('full'), 100) };

function statesOf(deliveries: readonly FakeDelivery[]): string[] {
  return deliveries.map(({ state }) => state);
}

describe('Intake', () => {
  it('takes nothing before everything is prepared', async (t) => {
    let failures = 3;
    const prepare = async (): Promise<void> => {
      failures -= 1;
      if (failures >= 0) throw new LocalTrouble('incoming', new Error('read-only'));
    };
    const { context, received, subscriber } = start(t, { prepare });
    subscriber.deliver(fakeDelivery({ empaId: 'first' }));
    await eventually(() => assert.deepEqual(received, ['first']));
    assert.equal(failures, -1);
    assert.equal(reasonOf(context, 'incoming'), undefined);
    assert.equal(await metricOf(context, 'ssm_local_troubles_total{component="incoming"}'), 3);
    assert.equal(await metricOf(context, 'ssm_consuming'), 1);
  });

  it('suspends at a retry, looks by itself, and goes on', async (t) => {
    let broken = true;
    const prepare = async (): Promise<void> => {
      if (broken && received.length > 0) throw new LocalTrouble('incoming', new Error('full'));
    };
    const received: string[] = [];
    const receive: IntakeOptions['receive'] = async (delivery) => {
      received.push(delivery.empaId ?? '');
      return broken ? retry : { outcome: 'ping', acknowledged: true };
    };
    const { context, subscriber } = start(t, { prepare, receive });
    subscriber.deliver(fakeDelivery({ empaId: 'a' }));
    await eventually(() => assert.ok(subscriber.calls.includes('suspend')));
    assert.match(reasonOf(context, 'incoming') ?? '', /full/);
    assert.equal(await metricOf(context, 'ssm_consuming'), 0);
    subscriber.deliver(fakeDelivery({ empaId: 'b' }));
    broken = false;
    await eventually(() => assert.deepEqual(received, ['a', 'b']));
    assert.equal(subscriber.calls.at(-1), 'resume');
    assert.equal(reasonOf(context, 'incoming'), undefined);
  });

  it('is not ready while a volume gives no answer, and goes on taking messages', async (t) => {
    const { context, intake, received, subscriber } = start(t);
    await eventually(() => assert.equal(context.health.ready().components['reject']?.ready, true));
    intake.silent('reject', 60_000);
    assert.equal(reasonOf(context, 'reject'), 'no answer from the volume for 60 s');
    subscriber.deliver(fakeDelivery({ empaId: 'first' }));
    await eventually(() => assert.deepEqual(received, ['first']));
    intake.silent('reject', undefined);
    assert.equal(context.health.ready().components['reject']?.ready, true);
  });

  it('says what failed rather than that the volume answers again', async (t) => {
    let broken = false;
    const prepare = async (): Promise<void> => {
      if (broken) throw new LocalTrouble('incoming', new Error('full'));
    };
    const { context, intake } = start(t, { prepare });
    await eventually(() => assert.equal(context.health.ready().components['incoming']?.ready, true));
    intake.silent('incoming', 60_000);
    broken = true;
    intake.report(new LocalTrouble('incoming', new Error('full')));
    intake.silent('incoming', undefined);
    assert.match(reasonOf(context, 'incoming') ?? '', /full/);
  });

  it('works on so many messages at once and lets none block the others', async (t) => {
    const taken: string[] = [];
    const receive: IntakeOptions['receive'] = async (delivery) => {
      taken.push(delivery.empaId ?? '');
      if (delivery.empaId === 'slow') await new Promise(() => undefined);
      return { outcome: 'ping', acknowledged: true };
    };
    const { subscriber } = start(t, { receive, window: 2, drainMs: 10 });
    for (const empaId of ['slow', 'a', 'b', 'c']) subscriber.deliver(fakeDelivery({ empaId }));
    await eventually(() => assert.deepEqual(taken, ['slow', 'a', 'b', 'c']));
  });

  it('finishes at the stop what it has taken, then parts from the brokers', async (t) => {
    const blocked: (() => void)[] = [];
    const deliveries = [fakeDelivery(), fakeDelivery()];
    const receive: IntakeOptions['receive'] = async (delivery) => {
      await new Promise<void>((resolve) => blocked.push(resolve));
      assert.deepEqual(subscriber.calls, ['resume']);
      await delivery.acknowledge();
      return { outcome: 'ping', acknowledged: true };
    };
    const { context, done, subscriber } = start(t, { receive, window: 1 });
    for (const delivery of deliveries) subscriber.deliver(delivery);
    await eventually(() => assert.equal(blocked.length, 1));
    const stopped = context.stop();
    for (const release of blocked) release();
    assert.equal(await done, 0);
    await stopped;
    assert.deepEqual(statesOf(deliveries), ['acknowledged', 'taken']);
    assert.deepEqual(subscriber.calls, ['resume', 'drain']);
  });

  it('does not wait longer for them than it may', async (t) => {
    let taken = false;
    const receive: IntakeOptions['receive'] = () => {
      taken = true;
      return new Promise(() => undefined);
    };
    const { context, subscriber } = start(t, { receive, drainMs: 50 });
    subscriber.deliver(fakeDelivery());
    await eventually(() => taken);
    const before = performance.now();
    await context.stop(10_000);
    assert.ok(performance.now() - before < 5000);
    // What is durable is still acknowledged.
    assert.deepEqual(subscriber.calls, ['resume', 'suspend', 'drain']);
  });

  it('ends when it is stopped before it could begin', async (t) => {
    const { context, done } = start(t, { prepare: () => Promise.reject(new LocalTrouble('trust', new Error('empty'))) });
    await context.stop();
    assert.equal(await done, 0);
  });
});
