import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { elements, eventually, type Scope, type StoredElement } from '@ssm/test-support';
import { root } from '../support/services.js';
import { type DemoFile, demoFiles, drop } from './files.js';
import { type BadMessage, intrude } from './intruder.js';
import { type Scene, setScene } from './scene.js';
import { bytes, table } from './table.js';

// npm run demo [-- --once] [--directory DIR]: records go through a broker, signed, encrypted, verified and stored; bad messages are rejected.

const ARRIVAL_TIMEOUT_MS = 40_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

let steps = 0;
const progress = (line: string): void => {
  steps += 1;
  say(`[${steps}] ${line}`);
};

interface Outcome {
  readonly stored: readonly StoredElement[];
  readonly rejected: readonly StoredElement[];
}

const text = (element: StoredElement | undefined, key: string): string => element?.keys[key]?.toString('utf8') ?? '';

/** Waits for everything to arrive, with a line for what is there whenever that changes. */
async function arrivals(scene: Scene, files: number, bad: number): Promise<Outcome> {
  let shown = '';
  return await eventually(
    async () => {
      const [stored, rejected] = [await elements(scene.incoming), await elements(scene.reject)];
      const line = `    ${stored.length} of ${files} stored, ${rejected.length} of ${bad} rejected`;
      if (line !== shown) say(line);
      shown = line;
      return stored.length >= files && rejected.length >= bad && { stored, rejected };
    },
    { timeout: ARRIVAL_TIMEOUT_MS, interval: 100, what: 'the arrival of all messages' },
  );
}

/** Compares every byte; what is wrong, a line each. */
function faults(files: readonly DemoFile[], bad: readonly BadMessage[], { stored, rejected }: Outcome, signer: string): string[] {
  const wrong: string[] = [];
  if (stored.length !== files.length) wrong.push(`${stored.length} messages in incoming instead of ${files.length}`);
  for (const file of files) {
    const element = stored.find((each) => text(each, 'empaid') === file.name);
    if (element === undefined) wrong.push(`${file.name} did not arrive`);
    else if (!element.keys['body']?.equals(file.body)) wrong.push(`${file.name} arrived altered`);
    else if (text(element, 'signer') !== signer) wrong.push(`${file.name} was stored under another signer: ${text(element, 'signer')}`);
  }
  if (rejected.length !== bad.length) wrong.push(`${rejected.length} messages in reject instead of ${bad.length}`);
  for (const message of bad) {
    const error = text(
      rejected.find((each) => text(each, 'empaid') === message.id),
      'error',
    );
    if (!error.startsWith(message.code)) wrong.push(`${message.what}: the reason is "${error}", not ${message.code}`);
  }
  return wrong;
}

function report(scene: Scene, files: readonly DemoFile[], bad: readonly BadMessage[], { stored, rejected }: Outcome): void {
  const arrived = files.map((file) => {
    const element = stored.find((each) => text(each, 'empaid') === file.name);
    const same = element?.keys['body']?.equals(file.body) === true;
    return [file.name, file.what, bytes(file.body.length), same ? 'every byte' : 'NO', text(element, 'signer')];
  });
  say(`\nArrived verified, in ${path.relative(process.cwd(), scene.incoming)}:`);
  say(table([['file', 'what', 'size', 'the same', 'signer'], ...arrived]));
  const refused = bad.map((message) => {
    const element = rejected.find((each) => text(each, 'empaid') === message.id);
    return [message.id, message.what, text(element, 'error').split('\n')[0] ?? ''];
  });
  say(`\nRejected, in ${path.relative(process.cwd(), scene.reject)}:`);
  say(table([['id', 'what', 'why'], ...refused]));
}

function whereEverythingIs(scene: Scene): void {
  const rows = [
    ['outgoing', `${scene.outgoing}   (drop a file here)`],
    ['incoming', scene.incoming],
    ['reject', scene.reject],
    ['sender', `${scene.sender.url}/health/ready   ${scene.sender.url}/metrics`],
    ['receiver', `${scene.receiver.url}/health/ready   ${scene.receiver.url}/metrics`],
    ['configuration', `${scene.sender.configFile}   ${scene.receiver.configFile}`],
    ['certificates', scene.pki.directory],
    ['broker', scene.broker.url],
  ];
  say('\nWhere everything is:');
  for (const [what = '', where = ''] of rows) say(`  ${what.padEnd(14)} ${where}`);
}

/** Stays up until Ctrl-C and tells what arrives. */
async function stayUp(scene: Scene): Promise<void> {
  say(`\nThe demo stays up. In another terminal:  cp README.md ${path.relative(process.cwd(), scene.outgoing)}/     Ctrl-C ends it.`);
  const seen = new Set([...(await elements(scene.incoming)), ...(await elements(scene.reject))].map((element) => element.path));
  const look = async (): Promise<void> => {
    for (const [queue, word] of [
      [scene.incoming, 'arrived'],
      [scene.reject, 'rejected'],
    ] as const)
      for (const element of await elements(queue).catch(() => [])) {
        if (seen.has(element.path)) continue;
        seen.add(element.path);
        say(
          `${word}: ${text(element, 'empaid')} (${bytes(element.keys['body']?.length ?? 0)}) ${text(element, 'error')}\n  -> ${element.path}`,
        );
      }
  };
  const timer = setInterval(() => void look(), 500);
  await new Promise<void>((resolve) => {
    let asked = false;
    const stop = (): void => {
      asked = true;
      resolve();
    };
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    for (const service of [scene.sender, scene.receiver])
      void service.child.exited.then(({ code }) => {
        // Ctrl-C reaches the services too: then their end is no news.
        if (!asked) say(`The ${service.name} ended with exit code ${code}:\n${service.child.output().slice(-4000)}`);
        resolve();
      });
  });
  clearInterval(timer);
}

/** What was started is ended last first, as a test's clean-up does. */
class DemoScope implements Scope {
  readonly #steps: (() => void | Promise<void>)[] = [];

  after(step: () => void | Promise<void>): void {
    this.#steps.unshift(step);
  }

  async close(): Promise<void> {
    for (const end of this.#steps.splice(0)) await end();
  }
}

async function play(scope: Scope, directory: string, once: boolean): Promise<number> {
  const scene = await setScene(scope, directory, progress);
  const files = await demoFiles(path.join(root, 'test', 'samples'));
  progress(`dropping ${files.length} files into outgoing, and putting three bad messages into the queue past the sender`);
  for (const file of files) await drop(scene.outgoing, file);
  const bad = await intrude(scene);
  progress('waiting for them to arrive (a plain file is taken when it has not changed for two seconds)');
  const outcome = await arrivals(scene, files.length, bad.length);
  report(scene, files, bad, outcome);
  const wrong = faults(files, bad, outcome, scene.pki.sites[0].dn);
  for (const fault of wrong) say(`FAULT: ${fault}`);
  say(wrong.length === 0 ? '\nEvery byte arrived, and nothing that should not.' : '\nThe demo FAILED.');
  if (!once) {
    whereEverythingIs(scene);
    await stayUp(scene);
  }
  progress('stopping');
  const codes = [await scene.sender.stop(), await scene.receiver.stop()];
  if (codes.some((code) => code !== 0)) wrong.push(`exit codes ${codes.join(', ')}`);
  return wrong.length === 0 ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { once: { type: 'boolean' }, directory: { type: 'string' } } });
  const scope = new DemoScope();
  try {
    return await play(scope, path.resolve(values.directory ?? path.join(root, 'demo-data')), values.once === true);
  } catch (error) {
    say(`The demo failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return 1;
  } finally {
    await scope.close();
  }
}

process.exitCode = await main(process.argv.slice(2));
