import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { createDeliveryRecord, createStagingQueue } from '@ssm/spool';
import { temporaryDirectory } from '@ssm/test-support';
import { addUnread, keepSmall, lookUpRate, remember, Waiting } from './backlog.js';
import { fill } from './pair.js';

describe('what has grown, as the services see it', () => {
  it('is files of a dirq queue, topped up', (context) => {
    const outgoing = temporaryDirectory(context);
    const waiting = new Waiting(outgoing);
    waiting.fillTo(2000);
    waiting.sent(1200);
    waiting.fillTo(1500);
    assert.equal(waiting.files, 1800);
    assert.deepEqual(
      readdirSync(outgoing).map((name) => readdirSync(path.join(outgoing, name)).length),
      [1000, 1000, 1000],
    );
  });

  it('is never much less than 1,000 files where it is kept small', async (context) => {
    const directory = temporaryDirectory(context);
    const [outgoing, reserve] = [path.join(directory, 'outgoing'), path.join(directory, 'reserve')];
    for (const folder of [outgoing, reserve]) mkdirSync(folder);
    for (const [files, minutesAgo] of [
      [600, 3],
      [600, 2],
      [600, 1],
    ] as const)
      fill(reserve, 10, files, minutesAgo);
    const oldest = readdirSync(reserve).toSorted()[0];
    const done = new AbortController();
    const feeding = keepSmall(outgoing, reserve, done.signal);
    setTimeout(() => done.abort(), 50);
    await feeding;
    assert.equal(readdirSync(outgoing).length, 2);
    assert.ok(readdirSync(outgoing).includes(oldest ?? ''));
    assert.equal(readdirSync(reserve).length, 1);
  });

  it('is unread elements of incoming', async (context) => {
    const incoming = path.join(temporaryDirectory(context), 'incoming');
    mkdirSync(incoming);
    addUnread(incoming, 1200);
    const queue = createStagingQueue({ path: incoming, instance: 'test' });
    await queue.start();
    assert.equal((await queue.depth(10_000)).elements, 1200);
  });

  it('is ids that the record knows as delivered and confirmed', async (context) => {
    const directory = path.join(temporaryDirectory(context), 'record');
    await remember(directory, 40);
    assert.ok((await lookUpRate(directory, 40, 50)) > 0);
    await assert.rejects(lookUpRate(`${directory}-of-another`, 40, 50), /forgot remembered-/);
    const record = createDeliveryRecord({ path: directory });
    await record.start();
    const staged = `.staging/other/${Math.floor(Date.now() / 1000).toString(16)}000000`;
    assert.equal((await record.claim('remembered-39', staged)).outcome, 'theirs');
    assert.equal((await record.claim('another', staged)).outcome, 'mine');
  });
});
