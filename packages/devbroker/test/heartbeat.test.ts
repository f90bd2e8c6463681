import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@ssm/test-support';
import { dial, start } from './raw-client.js';

describe('heart-beats', () => {
  it('are negotiated to the slower of both sides, or none', async (t) => {
    const broker = await start(t, { heartbeat: [50, 60] });
    for (const [offer, outgoing, incoming] of [
      ['100,200', 200, 100],
      ['10,10', 50, 60],
      ['0,0', 0, 0],
      ['0,10', 50, 0],
      ['70,0', 0, 70],
    ] as const) {
      const client = await dial(t, broker);
      client.write(`CONNECT\naccept-version:1.2\nheart-beat:${offer}\n\n\0`);
      assert.equal((await client.next()).headers.get('heart-beat'), '50,60');
      assert.deepEqual(broker.connections()[0]?.heartbeat, { outgoing, incoming });
      client.socket.destroy();
      await eventually(() => assert.equal(broker.connections().length, 0));
    }
  });

  it('are sent, and missed', async (t) => {
    const broker = await start(t, { heartbeat: [20, 50] });
    const client = await dial(t, broker);
    client.write('CONNECT\naccept-version:1.2\nheart-beat:50,20\n\n\0');
    await client.next();
    const beat = setInterval(() => client.write('\n'), 20);
    t.after(() => clearInterval(beat));
    await eventually(() => assert.ok(client.heartbeats >= 15));
    assert.equal(client.closed, false);
    clearInterval(beat);
    assert.equal((await client.next()).command, 'ERROR');
    await eventually(() => assert.equal(client.closed, true));
    assert.equal(broker.counters.missedHeartbeats, 1);
  });

  it('are not asked of a client that offers none', async (t) => {
    const broker = await start(t, { heartbeat: [20, 20] });
    const client = await dial(t, broker);
    client.write('CONNECT\naccept-version:1.2\n\n\0');
    await client.next();
    await sleep(100);
    assert.deepEqual([client.closed, client.heartbeats], [false, 0]);
  });
});
