import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { between, meanOf, rateOf } from './limits.js';
import { socketsTo } from './process-figures.js';

const sample = (name: string, value: number) => ({ name, value, unit: '1/s' });

const line = (remote: string, state: string, inode: number): string =>
  `   0: 0100007F:D2B4 0100007F:${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000`;

describe('limits', () => {
  it('are measured before and after, and meant is the mean of both', async () => {
    const values = [100, 300];
    const order: string[] = [];
    const { result, limits, samples } = await between(
      () => {
        order.push('limit');
        return Promise.resolve([sample('signatures', values.shift() ?? 0)]);
      },
      () => {
        order.push('work');
        return Promise.resolve('done');
      },
    );
    assert.deepEqual(order, ['limit', 'work', 'limit']);
    assert.deepEqual([result, limits.get('signatures'), samples[0]?.value], ['done', 200, 200]);
  });

  it('are compared by their names', () => {
    const mean = meanOf([sample('a', 1), sample('b', 10)], [sample('b', 20), sample('a', 3)]);
    assert.deepEqual(
      mean.map(({ value }) => value),
      [2, 15],
    );
  });

  it('count calls a second, also of calls that take longer than the time', async () => {
    const quick = await rateOf(() => sleep(5), 2, 200);
    assert.ok(quick > 100 && quick <= 420, `${quick}`);
    const slow = await rateOf(() => sleep(60), 1, 10);
    assert.ok(slow > 1 && slow < 20, `${slow}`);
  });
});

describe('connections of a process', () => {
  it('are those that are established to the port', () => {
    const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
    const table = [head, line('F0A1', '01', 11), line('F0A1', '06', 12), line('00A1', '01', 13), ''].join('\n');
    assert.deepEqual(socketsTo(table, 0xf0a1), ['11']);
    assert.deepEqual(socketsTo(table, 0xa1), ['13']);
  });
});
