import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { eventually, handbook, missingBroker, startTcpProxy } from '@ssm/test-support';
import { returns } from './deaths.js';
import { deliveryOn } from './suite.js';
import { meet, openVenue, type Venue, withLogin } from './venue.js';

const missing = missingBroker('rabbitmq4');

/** The policy of docs/brokers.md, but with another limit. */
async function limitTo({ broker }: Venue, limit: number): Promise<void> {
  const [, json = ''] = /'(\{.*\})'/.exec(handbook().get('rabbitmq/policy-4.sh') ?? '') ?? [];
  const policy = json.replace('"delivery-limit":-1', `"delivery-limit":${limit}`);
  await broker.control('set_policy', '--apply-to', 'queues', 'ssm', '^ssm\\.', policy);
}

function warnsOnce(venue: Venue): void {
  it('makes both services warn of its redelivery limit, once and not at every connection', async (test) => {
    const { broker } = venue;
    const proxy = await startTcpProxy(test, { host: broker.host, port: broker.plainPort });
    const { world } = await meet(test, venue);
    const config = withLogin(venue, `stomp://${proxy.host}:${proxy.port}`);
    for (const service of [await world.receiver({ config }), await world.sender({ config })]) {
      await service.ready(60_000);
      for (let cuts = 1; cuts <= 2; cuts += 1) {
        const reconnects = await service.metric('ssm_broker_reconnects_total');
        proxy.cutAll();
        await eventually(async () => assert.ok((await service.metric('ssm_broker_reconnects_total')) > reconnects), { timeout: 60_000 });
      }
      const lines = service.child.output('stdout').split('\n');
      assert.equal(lines.filter((line) => line.includes('"code":"redelivery-limit"')).length, 1);
      assert.equal(await service.stop(), 0);
    }
  });
}

if (missing === false) {
  const venue = await openVenue('rabbitmq4');
  deliveryOn(venue, 'classic');
  deliveryOn(venue, 'quorum');
  warnsOnce(venue);
  describe('RabbitMQ 4 with a limit', () => {
    before(() => limitTo(venue, 3));
    returns(venue, 'moves what came back oftener to the dead-letter queue of docs/brokers.md', {
      deadLetters: 'dead-letters',
      expected: ({ left, dead }, put) => left === 0 && dead === put,
    });
  });
  describe('RabbitMQ 4 without a policy', () => {
    before(async () => void (await venue.broker.control('clear_policy', 'ssm')));
    // Returned ones come first: the same window of them, until it is dropped.
    returns(venue, 'drops what came back oftener than twenty times', {
      deadLetters: 'dead-letters',
      expected: ({ left, dead }, put, window) => left === put - window && dead === 0,
    });
  });
} else it('delivery by rabbitmq4', { skip: missing });
