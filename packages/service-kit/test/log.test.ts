import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger, type LoggerOptions } from '../src/log.js';

interface LastLine {
  readonly time: string;
  readonly error?: unknown;
  readonly lines?: number;
}

interface Lines {
  readonly lines: string[];
  dropped: number;
  accept: boolean;
}

function logger(options: Partial<LoggerOptions> = {}): {
  log: ReturnType<typeof createLogger>;
  out: Lines;
  last: () => LastLine;
} {
  const out: Lines = { lines: [], dropped: 0, accept: true };
  const output = {
    write: (line: string) => {
      if (out.accept) out.lines.push(line);
      else out.dropped += 1;
    },
    get dropped() {
      return out.dropped;
    },
    flush: () => Promise.resolve(),
  };
  const log = createLogger({ service: 'sender', instance: 'a', level: 'info', format: 'json', output, ...options });
  return { log, out, last: () => JSON.parse(out.lines.at(-1) ?? '{}') };
}

test('a JSON line has level as text, ISO time, message, service, instance and the fields', () => {
  const { log, last, out } = logger();
  log.warn('something', { id: 'x', size: 3 });
  const { time, ...rest } = last();
  assert.deepEqual(rest, { level: 'warn', service: 'sender', instance: 'a', id: 'x', size: 3, msg: 'something' });
  assert.equal(new Date(time).toISOString(), time);
  assert.ok(out.lines[0]?.endsWith('}\n'));
});

test('levels', () => {
  const levels = ['debug', 'info', 'warn', 'error'] as const;
  for (const [index, level] of levels.entries()) {
    const { log, out } = logger({ level });
    for (const each of levels) log[each]('text');
    assert.equal(out.lines.length, levels.length - index, level);
  }
});

test('children add fields, and nothing can take the place of a name of the line itself', () => {
  const { log, out, last } = logger();
  log.child({ stage: 'seal', id: '1' }).child({ id: '2' }).info('text', { level: 'x', msg: 'y', time: 'z', service: 's' });
  const { time: _time, ...rest } = last();
  assert.deepEqual(rest, {
    level: 'info',
    service: 'sender',
    instance: 'a',
    stage: 'seal',
    id: '2',
    level_: 'x',
    msg_: 'y',
    time_: 'z',
    service_: 's',
    msg: 'text',
  });
  assert.equal(out.lines[0]?.match(/"level":/g)?.length, 1);
});

test('errors in fields, with stack at debug only', () => {
  const info = logger();
  info.log.error('failed', { error: new Error('why') });
  assert.deepEqual(info.last().error, { name: 'Error', message: 'why' });
  const debug = logger({ level: 'debug' });
  debug.log.error('failed', { error: new Error('why') });
  assert.match(JSON.stringify(debug.last().error), /log\.test/);
});

test('secrets are blanked in fields and in the message', () => {
  const { log, out } = logger({ secrets: ['hunter2'] });
  log.info('hunter2', { passcode: 'x1', text: 'a hunter2 b', error: new Error('hunter2') });
  assert.ok(!out.lines[0]?.includes('hunter2') && !out.lines[0]?.includes('x1'));
});

test('one line each, whatever is logged', () => {
  for (const format of ['json', 'text'] as const) {
    const { log, out } = logger({ format });
    log.info('a\nb', { text: 'c\nd\u2028e\u009bf' });
    assert.match(out.lines[0] ?? '', /^[^\n\u2028\u009b]*\n$/);
  }
});

test('text format', () => {
  const { log, out } = logger({ format: 'text' });
  log.info('started', { url: 'http://a' });
  assert.match(out.lines[0] ?? '', /^\S+Z INFO {2}started {2}url=http:\/\/a\n$/);
});

test('dropped lines are told once the reader is back', () => {
  const { log, out, last } = logger();
  out.accept = false;
  log.info('lost');
  log.info('lost');
  out.accept = true;
  log.info('back');
  assert.equal(last().lines, 2);
  assert.equal(out.lines.length, 2);
  log.info('more');
  assert.equal(out.lines.length, 3);
});
