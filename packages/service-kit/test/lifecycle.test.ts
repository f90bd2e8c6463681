/** The life cycle in this process, with signals, output and exit given. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { eventually, temporaryDirectory } from '@ssm/test-support';
import {
  commonSettings,
  EXIT_CODES,
  runService,
  type ServiceContext,
  type ServiceDefinition,
  ServiceError,
  setting,
} from '../src/index.js';

const settings = { ...commonSettings({ opsPort: 0 }), once: setting({ doc: 'Once.', format: 'boolean', default: false }) };
type Definition = ServiceDefinition<typeof settings>;

/** The fields of log lines that tests look at. */
interface Line {
  readonly msg: string;
  readonly instance: string;
  readonly error?: unknown;
  readonly url?: string;
  readonly state?: unknown;
  readonly settings?: unknown;
  readonly variable?: string;
  readonly meant?: string;
}

interface Run {
  readonly code: Promise<number>;
  readonly signals: EventEmitter;
  readonly exits: number[];
  readonly out: () => string;
  readonly err: () => string;
  /** The fields of the lines with this message. */
  readonly logged: (message: string) => Line[];
}

interface Given {
  readonly isTTY?: boolean;
  readonly start?: Definition['start'];
  readonly admit?: Definition['admit'];
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
}

function run({ start = async () => ({}), admit, args = [], env = {}, isTTY = false }: Given): Run {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const texts = { out: '', err: '' };
  stdout.on('data', (chunk) => (texts.out += String(chunk)));
  stderr.on('data', (chunk) => (texts.err += String(chunk)));
  const signals = new EventEmitter();
  const exits: number[] = [];
  const host = {
    args: ['--broker.destination=/queue/a', ...args],
    env,
    stdout: Object.assign(stdout, { isTTY }),
    stderr,
    events: signals,
    exit: (code: number) => void exits.push(code),
  };
  const code = runService({ name: 'fixture', version: '1.2.3', settings, start, ...(admit === undefined ? {} : { admit }) }, host);
  const lines = (): Line[] =>
    texts.out
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  return {
    code,
    signals,
    exits,
    out: () => texts.out,
    err: () => texts.err,
    logged: (message) => lines().filter(({ msg }) => msg === message),
  };
}

/** A start that hands its context out. */
function capturing(then: (context: ServiceContext) => void = () => undefined): {
  start: Definition['start'];
  context: () => ServiceContext;
} {
  let captured: ServiceContext | undefined;
  return {
    start: async (context) => {
      then(context);
      captured = context;
      return {};
    },
    context: () => captured ?? assert.fail('not started'),
  };
}

/** A start of a run that ends by itself at once. */
const done: Definition['start'] = async () => ({ done: Promise.resolve(0) });

/** A start of a run that fails at once. */
const failed: Definition['start'] = async () => ({ done: Promise.resolve(1) });

/** What it says on standard error. */
async function saidOf(start: Definition['start'], ...args: readonly string[]): Promise<string> {
  const service = run({ start, args });
  await service.code;
  return service.err();
}

const started = (service: Run): Promise<unknown> => eventually(() => service.logged('started').length === 1);

test('a run that ends by itself gives its code; the stop steps run', async () => {
  const order: string[] = [];
  const service = run({
    args: ['--once'],
    start: async (context, config) => {
      assert.equal(config.once, true);
      context.onStop('first', () => void order.push('first'));
      context.onStop('second', () => void order.push(`second ${context.stopping.aborted} ${context.health.ready().ready}`));
      return { done: Promise.resolve(1) };
    },
  });
  assert.equal(await service.code, 1);
  assert.deepEqual(order, ['second true false', 'first']);
  assert.deepEqual(service.exits, [], 'the caller ends the process');
});

test('what is not admitted opens no log file and does not start', async (t) => {
  const file = path.join(temporaryDirectory(t), 'log');
  const service = run({
    args: [`--log.file=${file}`],
    admit: async (config) => {
      throw new Error(`nobody may write ${config.log.file}`);
    },
    start: () => assert.fail('started'),
  });
  assert.equal(await service.code, EXIT_CODES.failed);
  assert.deepEqual([service.out(), service.err()], ['', `fixture: nobody may write ${file}\n`]);
  assert.equal(existsSync(file), false);
});

test('a failure is said on standard error where the log does not go to the console', async (t) => {
  const file = path.join(temporaryDirectory(t), 'log');
  assert.equal(await saidOf(failed, '--no-log.console', `--log.file=${file}`), `fixture: failed, exit code 1; see the log file ${file}\n`);
  const nowhere = 'fixture: failed, exit code 1; there is no log: set log.file or log.console\n';
  assert.equal(await saidOf(failed, '--no-log.console'), nowhere);
  assert.equal(await saidOf(() => Promise.reject(new Error('no')), '--no-log.console', '--log.file=/dev/null'), nowhere);
  assert.equal(await saidOf(failed), '');
  assert.equal(await saidOf(done, '--no-log.console'), '');
});

test('a run that rejects is logged and has failed', async () => {
  const service = run({ start: async () => ({ done: Promise.reject(new Error('why')) }) });
  assert.equal(await service.code, EXIT_CODES.failed);
  assert.deepEqual(service.logged('service failed')[0]?.error, { name: 'Error', message: 'why' });
});

test('the stop waits for a run that a signal interrupts, within the deadline', async () => {
  const says = run({
    start: async (context) => {
      const work = new EventEmitter();
      context.onStop('work', () => void setTimeout(() => work.emit('ended'), 30));
      return { done: once(work, 'ended').then(() => 0) };
    },
  });
  await started(says);
  says.signals.emit('SIGTERM');
  assert.equal(await says.code, 0);
  const silent = run({ args: ['--shutdown.drain=1ms'], start: async () => ({ done: new Promise(() => undefined) }) });
  await started(silent);
  silent.signals.emit('SIGTERM');
  assert.equal(await silent.code, EXIT_CODES.stopTimeout);
});

test('a start that fails: logged, its steps run, 1; a fault of the configuration 2', async () => {
  const order: string[] = [];
  const failing = run({
    start: async (context) => {
      context.onStop('step', () => void order.push('step'));
      throw new Error('no certificate');
    },
  });
  assert.equal(await failing.code, EXIT_CODES.failed);
  assert.deepEqual(order, ['step']);
  assert.deepEqual(failing.logged('start failed')[0]?.error, {
    name: 'ServiceError',
    code: 'start-failed',
    message: 'The service could not be started',
    cause: { name: 'Error', message: 'no certificate' },
  });
  const faulty = run({ start: () => Promise.reject(new ServiceError('config-invalid', 'initial is larger than maximum')) });
  assert.equal(await faulty.code, EXIT_CODES.configuration);
  assert.match(faulty.out(), /"error":\{"name":"ServiceError","code":"config-invalid"/);
  const sync = run({
    start: () => {
      throw new Error('not even a promise');
    },
  });
  assert.equal(await sync.code, EXIT_CODES.failed);
});

test('a signal during the start waits for it, then stops; its failure is then none', async () => {
  const order: string[] = [];
  const late = run({
    start: async (context) => {
      await new Promise((resolve) => context.stopping.addEventListener('abort', resolve));
      for (let turn = 0; turn < 10; turn += 1) await setImmediate();
      context.onStop('step', () => void order.push('step'));
      return {};
    },
  });
  await eventually(() => late.logged('health and metrics are served').length === 1);
  late.signals.emit('SIGTERM');
  assert.equal(await late.code, EXIT_CODES.ok);
  assert.deepEqual(order, ['step']);
  const aborted = run({
    start: (context) => new Promise((_, reject) => context.stopping.addEventListener('abort', () => reject(new Error('aborted')))),
  });
  await eventually(() => aborted.logged('health and metrics are served').length === 1);
  aborted.signals.emit('SIGINT');
  assert.equal(await aborted.code, EXIT_CODES.ok);
});

test('a signal before anything was started ends it with 0 and starts nothing', async () => {
  let starts = 0;
  const service = run({
    start: async () => {
      starts += 1;
      return {};
    },
  });
  service.signals.emit('SIGTERM');
  assert.equal(await service.code, EXIT_CODES.ok);
  assert.equal(starts, 0);
});

test('health answers while it starts, says why not ready, and the server is the last to close', async () => {
  let url = '';
  let release: () => void = assert.fail;
  const service = run({
    start: async (context) => {
      context.health.require('broker');
      context.onStop('look', async () => {
        const { components } = await readiness(url);
        context.log.info('seen at the stop', { state: components.service });
      });
      await new Promise<void>((resolve) => (release = resolve));
      return {};
    },
  });
  await eventually(() => service.logged('health and metrics are served').length === 1);
  url = service.logged('health and metrics are served')[0]?.url ?? '';
  const starting = await readiness(url);
  assert.equal(starting.status, 503);
  assert.deepEqual(starting.components, { service: { ready: false, reason: 'starting' }, broker: { ready: false, reason: 'not started' } });
  release();
  await started(service);
  assert.deepEqual((await readiness(url)).components.service, { ready: true });
  service.signals.emit('SIGTERM');
  assert.equal(await service.code, EXIT_CODES.ok);
  assert.deepEqual(service.logged('seen at the stop')[0]?.state, { ready: false, reason: 'stopping' });
  await assert.rejects(fetch(url));
});

async function readiness(url: string): Promise<{ status: number; components: { readonly service?: unknown } }> {
  const answer = await fetch(`${url}/health/ready`);
  const body: { components: { readonly service?: unknown } } = JSON.parse(await answer.text());
  return { status: answer.status, components: body.components };
}

test('the deadline aborts the step that runs; the rest is still called; 3', async () => {
  const order: string[] = [];
  const service = run({
    args: ['--shutdown.drain=30ms'],
    start: async (context) => {
      context.onStop('last', (deadline) => void order.push(`last ${deadline.aborted}`));
      context.onStop('slow', async (deadline) => {
        await new Promise((resolve) => deadline.addEventListener('abort', resolve));
        order.push('slow');
      });
      return {};
    },
  });
  await started(service);
  service.signals.emit('SIGTERM');
  assert.equal(await service.code, EXIT_CODES.stopTimeout);
  assert.deepEqual(order, ['slow', 'last true']);
});

test('signals: two at once are one, a later second one ends at once', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const service = run({ start: capturing((context) => context.onStop('hangs', () => new Promise(() => undefined))).start });
  await started(service);
  service.signals.emit('SIGINT');
  now = 400;
  service.signals.emit('SIGTERM');
  assert.deepEqual(service.exits, []);
  now = 600;
  service.signals.emit('SIGTERM');
  assert.deepEqual(service.exits, [143]);
  service.signals.emit('uncaughtException', new Error('end of the test'));
  assert.equal(await service.code, EXIT_CODES.failed);
});

test('a crash resolves with 1 at once', async () => {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    const { start, context } = capturing((each) => each.onStop('never', () => assert.fail()));
    const service = run({ start });
    await started(service);
    service.signals.emit(event, new TypeError('bug'));
    assert.equal(await service.code, EXIT_CODES.failed);
    assert.equal(service.logged('crashed').length, 1);
    assert.equal(context().stopping.aborted, false);
  }
});

test('SIGHUP calls the reloads in order, one round after the other, and outlives their failures', async () => {
  const order: string[] = [];
  const { start } = capturing((context) => {
    context.onReload('a', async () => {
      order.push('a');
      await setImmediate();
      throw new Error('unreadable');
    });
    context.onReload('b', () => void order.push('b'));
  });
  const service = run({ start });
  await started(service);
  service.signals.emit('SIGHUP');
  service.signals.emit('SIGHUP');
  await eventually(() => order.length === 4);
  assert.deepEqual(order, ['a', 'b', 'a', 'b']);
  assert.equal(service.logged('reload failed').length, 2);
  service.signals.emit('SIGTERM');
  assert.equal(await service.code, EXIT_CODES.ok);
});

test('SIGHUP on a terminal stops: the terminal was closed', async () => {
  const service = run({ isTTY: true, args: ['--log.format=json'] });
  await started(service);
  service.signals.emit('SIGHUP');
  assert.equal(await service.code, EXIT_CODES.ok);
});

test('no listener is left behind', async () => {
  const service = run({ start: async () => ({ done: Promise.resolve(0) }) });
  await service.code;
  assert.deepEqual(service.signals.eventNames(), []);
});

test('help and version', async () => {
  const help = run({ args: ['--help', '--nonsense'] });
  assert.equal(await help.code, EXIT_CODES.ok);
  assert.match(help.out(), /--broker\.destination=TEXT/);
  const version = run({ args: ['--version'] });
  assert.equal(await version.code, EXIT_CODES.ok);
  assert.equal(version.out(), '1.2.3\n');
});

async function instanceOf(given: Given): Promise<unknown> {
  const service = run({ ...given, start: done });
  assert.equal(await service.code, EXIT_CODES.ok, service.err());
  return service.logged('starting')[0]?.instance;
}

test('the file: by option, by variable, the option weighs more; faults of the option', async (t) => {
  const directory = temporaryDirectory(t);
  const files = ['a', 'b'].map((name) => path.join(directory, `${name}.yaml`));
  for (const file of files) writeFileSync(file, `instance: ${path.basename(file, '.yaml')}`);
  const [a = '', b = ''] = files;
  assert.equal(await instanceOf({ args: ['--config', a] }), 'a');
  assert.equal(await instanceOf({ env: { SSM_CONFIG: b } }), 'b');
  assert.equal(await instanceOf({ args: [`--config=${a}`], env: { SSM_CONFIG: b } }), 'a');
  assert.equal(await instanceOf({ env: { SSM_CONFIG: '', SSM_INSTANCE: 'c' } }), 'c');
  for (const args of [
    ['--config'],
    ['--config='],
    ['--config', '--once'],
    ['--config', a, `--config=${b}`],
    ['--config', path.join(directory, 'none')],
  ])
    assert.equal(await run({ args }).code, EXIT_CODES.configuration, args.join(' '));
});

test('the log tells what differs from the defaults, mistyped variables, and never a secret', async () => {
  const service = run({
    args: ['--broker.window=7'],
    env: { SSM_BROKER_PASSCODE: 'hunter2hunter2', SSM_BROKER_LOGN: 'x', SSM_RECEIVER_SERVICE_HOST: '10.0.0.1' },
    start: async ({ log }) => {
      log.info('text with hunter2hunter2', { url: 'stomp://hunter2hunter2@a' });
      return { done: Promise.resolve(0) };
    },
  });
  await service.code;
  assert.deepEqual(service.logged('starting')[0]?.settings, {
    'broker.destination': '/queue/a',
    'broker.passcode': '[redacted]',
    'broker.window': '7',
  });
  assert.ok(!service.out().includes('hunter2'));
  const [warning, ...more] = service.logged('environment variable is not known');
  assert.deepEqual([warning?.variable, warning?.meant, more.length], ['SSM_BROKER_LOGN', 'SSM_BROKER_LOGIN', 0]);
});

test('text on a terminal, JSON elsewhere, and as one asks', async () => {
  const text = run({ start: done, args: ['--log.format=text'] });
  await text.code;
  assert.match(text.out(), /INFO {2}starting /);
  const json = run({ start: done });
  await json.code;
  assert.match(json.out(), /^\{"level":"info"/);
  const terminal = run({ start: done, isTTY: true });
  await terminal.code;
  assert.ok(terminal.out().includes('\u001b[32mINFO \u001b[0m starting '));
  const plain = run({ start: done, isTTY: true, env: { NO_COLOR: '1' } });
  await plain.code;
  assert.match(plain.out(), /INFO {2}starting /);
});

test('the metrics of a service', async () => {
  const { start, context } = capturing();
  const service = run({ start });
  await started(service);
  const names = context()
    .metrics.describe()
    .map(({ name }) => name);
  for (const name of ['ssm_build_info', 'ssm_ready', 'ssm_log_lines_dropped_total', 'ssm_process_cpu_seconds_total'])
    assert.ok(names.includes(name), name);
  service.signals.emit('SIGTERM');
  assert.equal(await service.code, EXIT_CODES.ok);
});
