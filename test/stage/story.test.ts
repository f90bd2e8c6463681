import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { storiesOf } from './story.js';

const line = (time: string, fields: Readonly<Record<string, unknown>>): string => `${JSON.stringify({ time, ...fields })}\n`;

it('a story is told from the logs of both sides, in time order, by empa-id and delivery id', (t) => {
  const logs = temporaryDirectory(t);
  const sender = [
    line('2026-01-01T00:00:01Z', { empaId: 'one', deliveryId: 'd1', msg: 'message sent' }),
    line('2026-01-01T00:00:02Z', { empaId: 'two', deliveryId: 'd2', msg: 'message sent' }),
    'not a line of JSON\n',
  ];
  const receiver = [
    line('2026-01-01T00:00:03Z', { deliveryId: 'd1', msg: 'stored' }),
    line('2026-01-01T00:00:00Z', { empaId: 'one', msg: 'first' }),
  ];
  writeFileSync(path.join(logs, 'sender-1.log'), sender.join(''));
  writeFileSync(path.join(logs, 'receiver-1.log'), receiver.join(''));
  const lines = storiesOf(['one'], logs).split('\n');
  assert.equal(lines[0], 'message one:');
  assert.deepEqual(
    lines.slice(1).map((text) => /^ {2}(\S+): .*"msg":"([^"]+)"/.exec(text)?.slice(1)),
    [
      ['receiver-1', 'first'],
      ['sender-1', 'message sent'],
      ['receiver-1', 'stored'],
    ],
  );
  assert.match(storiesOf(['one', 'two', 'three', 'four', 'five'], logs), /and 2 more$/);
});
