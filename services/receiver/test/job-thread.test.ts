import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@ssm/test-support';
import { alone } from '../src/opening/batch.js';
import { JobThread, type JobThreadOptions } from '../src/opening/job-thread.js';
import type { Job, Setup } from './support/job-thread.js';

class Bench {
  readonly thread: JobThread<Setup, Job, Uint8Array>;

  constructor(t: TestContext, options: Partial<JobThreadOptions> = {}) {
    const module = new URL('support/job-thread.js', import.meta.url);
    this.thread = new JobThread({ module, disabled: false, onFailure: () => assert.fail('failed'), ...options });
    t.after(() => this.thread.close());
  }

  /** What the thread says of a job. */
  async run(text: string, setup: Setup = FIRST, work = 0): Promise<string | undefined> {
    const bytes = await this.thread.run(setup, () => ({ text, work }));
    return bytes && Buffer.from(bytes).toString();
  }

  /** Once this thread was busy for a while. */
  async start(): Promise<void> {
    await this.run('a first look');
    keepBusy(400);
    assert.equal(await this.run('start'), undefined);
    await eventually(() => assert.ok(this.thread.isReady));
  }
}

function failuresOf(): { readonly failures: string[]; readonly onFailure: JobThreadOptions['onFailure'] } {
  const failures: string[] = [];
  return { failures, onFailure: ({ message }) => void failures.push(message) };
}

const FIRST: Setup = { prefix: 'first' };

function keepBusy(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('a thread for jobs', () => {
  it('is not there as long as this thread has time, and makes no job then', async (t) => {
    const { thread } = new Bench(t);
    for (let round = 0; round < 8; round += 1) {
      assert.equal(await thread.run(FIRST, () => assert.fail('made')), undefined);
      await sleep(50);
    }
    assert.equal(thread.isReady, false);
  });

  it('is never there without a processor for it', async (t) => {
    const bench = new Bench(t, { disabled: true });
    await bench.run('a first look');
    keepBusy(400);
    assert.equal(await bench.run('one'), undefined);
    await sleep(300);
    assert.equal(bench.thread.isReady, false);
  });

  it('gives every job its own answer, by the setup that it came with', async (t) => {
    const bench = new Bench(t);
    await bench.start();
    const other: Setup = { prefix: 'other' };
    const jobs = Array.from({ length: 200 }, (_, index) => ({ setup: index % 7 < 4 ? FIRST : other, text: `job ${index}` }));
    const answers = await Promise.all(jobs.map(({ setup, text }) => bench.run(text, setup)));
    assert.deepEqual(
      answers,
      jobs.map(({ setup, text }) => `${setup.prefix} ${text}`),
    );
  });

  it('gives many jobs that were given at once their answers, in several batches', async (t) => {
    const bench = new Bench(t);
    await bench.start();
    const jobs = Array.from({ length: 50 }, (_, index) => `job ${index}`);
    assert.deepEqual(
      await Promise.all(jobs.map((text) => bench.run(text))),
      jobs.map((text) => `${FIRST.prefix} ${text}`),
    );
  });

  it('works beside this thread', async (t) => {
    const bench = new Bench(t);
    await bench.start();
    let turns = 0;
    const turn = setInterval(() => {
      turns += 1;
    }, 5);
    await Promise.all(Array.from({ length: 4 }, () => bench.run('long', FIRST, 100)));
    clearInterval(turn);
    assert.ok(turns >= 5, `${turns} turns`);
  });

  it('leaves what it cannot do to whoever asked', async (t) => {
    const bench = new Bench(t);
    await bench.start();
    assert.deepEqual(await Promise.all(['one', 'refuse', 'two'].map((text) => bench.run(text))), ['first one', undefined, 'first two']);
  });

  it('gives back its jobs when it ends by itself, says why, and is not there for a while', async (t) => {
    const { failures, onFailure } = failuresOf();
    const bench = new Bench(t, { onFailure });
    await bench.start();
    const answers = await Promise.all(['throw', 'one', 'two'].map((text) => bench.run(text)));
    assert.deepEqual(answers, [undefined, undefined, undefined]);
    assert.deepEqual(failures, ['thrown in the thread']);
    keepBusy(400);
    await bench.run('later');
    await sleep(300);
    assert.equal(bench.thread.isReady, false);
  });

  for (const [what, module] of [
    ['its code is not there', new URL('missing.js', import.meta.url)],
    ['it cannot even be started', new URL('http://localhost/missing.js')],
  ] as const) {
    it(`says so, and leaves the job to whoever asked, when ${what}`, async (t) => {
      const { failures, onFailure } = failuresOf();
      const bench = new Bench(t, { module, onFailure });
      await bench.run('a first look');
      keepBusy(400);
      assert.equal(await bench.run('one'), undefined);
      await eventually(() => assert.equal(failures.length, 1));
      keepBusy(400);
      assert.equal(await bench.run('two'), undefined);
      assert.equal(failures.length, 1);
    });
  }

  it('is ended when it gives no answer', async (t) => {
    const { failures, onFailure } = failuresOf();
    const bench = new Bench(t, { onFailure, lookMs: 1000, patienceMs: 2000 });
    await bench.start();
    assert.deepEqual(await Promise.all([bench.run('for ever', FIRST, 1e9), bench.run('next')]), [undefined, undefined]);
    assert.deepEqual(failures, ['the thread gives no answer']);
  });

  it('gives nobody the answer of another', async (t) => {
    const { failures, onFailure } = failuresOf();
    const bench = new Bench(t, { module: new URL('support/lying-thread.js', import.meta.url), onFailure });
    await bench.start();
    assert.deepEqual(await Promise.all(['one', 'two', 'three'].map((text) => bench.run(text))), ['one', undefined, undefined]);
    assert.deepEqual(failures, ['an answer to job 2 where 1 was due']);
  });

  it('gives back jobs that cannot be sent', async (t) => {
    const { failures, onFailure } = failuresOf();
    const bench = new Bench(t, { onFailure });
    await bench.start();
    const uncloneable = { prefix: 'a function', more: () => undefined };
    const answers = [bench.run('one', uncloneable), bench.run('two', uncloneable), bench.run('three'), bench.run('four')];
    assert.deepEqual(await Promise.all(answers), [undefined, undefined, undefined, undefined]);
    assert.match(failures[0] ?? '', /could not be cloned/);
  });

  it('ends when it has had little to do, and comes again', async (t) => {
    const bench = new Bench(t);
    await bench.start();
    await eventually(() => assert.equal(bench.thread.isReady, false), { timeout: 20_000 });
    await bench.start();
    assert.equal(await bench.run('again'), 'first again');
  });

  it('gives back what is not done when it is closed, and does not come again', async (t) => {
    const bench = new Bench(t);
    await bench.start();
    const answers = Array.from({ length: 6 }, () => bench.run('long', FIRST, 200));
    await bench.thread.close();
    assert.ok((await Promise.all(answers)).includes(undefined));
    keepBusy(400);
    assert.equal(await bench.run('late'), undefined);
    await sleep(300);
    assert.equal(bench.thread.isReady, false);
  });
});

describe('bytes that are alone', () => {
  it('are the same bytes in memory of their own', () => {
    const whole = Buffer.from('0123456789');
    const part = whole.subarray(2, 5);
    const own = alone(part);
    part.fill(0);
    assert.equal(Buffer.from(own).toString(), '234');
    assert.equal(own.buffer.byteLength, 3);
  });

  it('are not copied when they are alone already, and are when they are shared between threads', () => {
    const bytes = new Uint8Array(10_000);
    assert.equal(alone(bytes).buffer, bytes.buffer);
    const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(7);
    assert.ok(alone(shared).buffer instanceof ArrayBuffer);
    assert.deepEqual(
      [...alone(shared)],
      Array.from({ length: 8 }, () => 7),
    );
  });
});
