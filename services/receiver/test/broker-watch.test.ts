import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Status } from '@ssm/transport';
import { followStatus } from '../src/broker-watch.js';
import { createReceiverMetrics } from '../src/metrics.js';
import { createContext } from './support/context.js';
import { FakeSubscriber } from './support/fake-subscriber.js';

const broker = 'ams.example.org:443';
const LAG = `ssm_broker_lag_messages{broker="${broker}"}`;

describe('the status of the subscriber', () => {
  const lag: Status = { type: 'lag', broker, messages: 7 };
  const cases: Readonly<Record<string, { readonly statuses: readonly Status[]; readonly shown: readonly string[] }>> = {
    'shows how many messages wait': { statuses: [lag], shown: [`${LAG} 7`] },
    'shows it while consuming is suspended': {
      statuses: [lag, { type: 'disconnected', broker, error: undefined, retryInMs: undefined }],
      shown: [`${LAG} 7`],
    },
    'shows no old number while the broker is away': {
      statuses: [lag, { type: 'disconnected', broker, error: new Error('gone'), retryInMs: 1 }],
      shown: [],
    },
  };
  for (const [what, { statuses, shown }] of Object.entries(cases))
    it(what, async (t) => {
      const context = createContext(t);
      const metrics = createReceiverMetrics(context.metrics, {
        now: () => new Date(),
        inFlight: () => ({ messages: 0, bytes: 0 }),
        incoming: () => undefined,
        reject: () => ({ elements: 0, bytes: 0 }),
        held: () => 0,
      });
      const subscriber = new FakeSubscriber();
      subscriber.status = async function* () {
        yield* statuses;
      };
      await followStatus(subscriber, { health: context.health, log: context.log, metrics });
      const lines = (await context.metrics.render()).split('\n');
      assert.deepEqual(
        lines.filter((line) => line.startsWith(LAG)),
        shown,
      );
    });
});

it('the reason for not being ready names the broker once', async (t) => {
  const context = createContext(t);
  const metrics = createReceiverMetrics(context.metrics, {
    now: () => new Date(),
    inFlight: () => ({ messages: 0, bytes: 0 }),
    incoming: () => undefined,
    reject: () => ({ elements: 0, bytes: 0 }),
    held: () => 0,
  });
  for (const message of [`${broker}: no connection`, 'no connection']) {
    const subscriber = new FakeSubscriber();
    subscriber.connections = () => [{ broker, connected: false }];
    subscriber.status = async function* () {
      yield { type: 'disconnected', broker, error: new Error(message), retryInMs: 1 };
    };
    await followStatus(subscriber, { health: context.health, log: context.log, metrics });
    assert.equal(context.health.ready().components['broker']?.reason, `${broker}: no connection`);
  }
});
