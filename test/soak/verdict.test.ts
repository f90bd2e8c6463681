import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createDemoPki, temporaryDirectory } from '@ssm/test-support';
import { sha256 } from '../e2e/world.js';
import { startDevelopmentBroker } from '../stage/broker.js';
import { seeded } from '../stage/seeded.js';
import { Stage } from '../stage/stage.js';
import { GrowingFile } from './growing-file.js';
import { figuresOf } from './logs.js';
import { failuresOf } from './report.js';
import type { Scene } from './scene.js';
import { judge, type Verdict } from './verdict.js';

interface Ending {
  readonly scene: Scene;
  readonly logs: string;
  /** An element of incoming, as a receiver writes it. */
  readonly store: (id: string, body: string) => string;
}

const line = (more: object): string => `${JSON.stringify({ msg: 'message', ...more })}\n`;

let elements = 0;

function writeElement(queue: string, files: Readonly<Record<string, string>>): string {
  elements += 1;
  const element = path.join(queue, '00000000', elements.toString(16).padStart(14, '0'));
  mkdirSync(element, { recursive: true });
  for (const [key, text] of Object.entries(files)) writeFileSync(path.join(element, key), text);
  return element;
}

/** A stage on which nothing runs any more; `sent` are the ids, with bodies of the same text. */
async function ending(t: TestContext, sent: readonly string[]): Promise<Ending> {
  const pki = createDemoPki(path.join(temporaryDirectory(t), 'pki'), { key: 'p256' });
  const brokers = [await startDevelopmentBroker(t, pki)];
  const stage = await Stage.create(t, { brokers, pki, queue: 'ssm.soak', random: seeded('verdict') });
  for (const id of sent) stage.sent.push({ id, hash: sha256(Buffer.from(id)), bytes: id.length });
  const scene: Scene = { stage, volumes: [], clock: undefined, loaders: [], rejects: [stage.world.reject], notes: [] };
  const store = (id: string, body: string): string => writeElement(stage.world.incoming, { body, empaid: id, signer: 'x' });
  return { scene, logs: path.join(stage.world.directory, 'logs'), store };
}

const wrongOf = ({ checks }: Verdict): Record<string, readonly string[]> =>
  Object.fromEntries(checks.filter(({ wrong }) => wrong.length > 0).map(({ name, wrong }) => [name, wrong]));

describe('the verdict of a soak', () => {
  it('is good when every file is there once, in incoming or with a loader', async (t) => {
    const { scene, store } = await ending(t, ['a', 'b']);
    store('a', 'a');
    scene.stage.loaded.push({ id: 'b', hash: sha256(Buffer.from('b')), path: 'x' });
    assert.deepEqual(wrongOf(await judge(scene, 'once', [])), {});
  });

  it('names what is lost, altered, there twice, or was never sent', async (t) => {
    const { scene, store } = await ending(t, ['lost', 'altered', 'twice']);
    store('altered', 'something else');
    store('twice', 'twice');
    scene.stage.loaded.push({ id: 'twice', hash: sha256(Buffer.from('twice')), path: 'x' });
    const extra = store('extra', 'extra');
    const expected = { lost: ['lost'], altered: ['altered'], 'in incoming and never sent': [extra] };
    assert.deepEqual(wrongOf(await judge(scene, 'once', [])), { ...expected, duplicated: ['twice'] });
    const atLeastOnce = await judge(scene, 'at-least-once', []);
    assert.deepEqual(wrongOf(atLeastOnce), expected);
    assert.deepEqual(atLeastOnce.tally.duplicated, ['twice']);
  });

  it('names what is rejected, in quarantine or locked, with the reason, and what else went wrong', async (t) => {
    const { scene, logs } = await ending(t, []);
    const { world } = scene.stage;
    const rejected = writeElement(world.reject, { body: 'x', empaid: 'id 1', error: 'chain-untrusted: nobody knows it\n' });
    const quarantine = path.join(world.outgoing, '.quarantine');
    const kept = writeElement(quarantine, { body: 'x', name: 'id 2', error: 'body-too-large: 5 bytes\n' });
    writeFileSync(path.join(world.reject, '.reduced.jsonl'), '{"sha256":"0"}\n');
    writeElement(world.incoming, { body: 'x', empaid: 'id 3' });
    mkdirSync(path.join(world.outgoing, '6b000000'));
    writeFileSync(path.join(world.outgoing, '6b000000', '6b000000000001.lck'), '');
    const verdict = await judge(scene, 'once', [{ name: 'trouble', wrong: ['it stood still'] }]);
    const { 'in incoming and never sent': extra, ...wrong } = wrongOf(verdict);
    assert.equal(extra?.length, 1);
    assert.deepEqual(wrong, {
      'left in the reject queue': [`id 1: chain-untrusted: nobody knows it (${rejected})`],
      'rejects without their contents': ['{"sha256":"0"}\n'],
      'in quarantine': [`id 2: body-too-large: 5 bytes (${kept})`],
      'left locked or not sent': ['6b000000/6b000000000001.lck'],
      trouble: ['it stood still'],
    });
    writeFileSync(path.join(logs, 'sender-1.log'), '{"time":"2","empaId":"id 1","deliveryId":"d1","msg":"message sent"}\n');
    writeFileSync(path.join(logs, 'receiver-1.log'), '{"time":"1","deliveryId":"d1","msg":"something"}\n{"time":"3","id":"id 9"}\n');
    const text = failuresOf(verdict.checks, logs);
    assert.match(text, /FAILED: in quarantine: 1\n {2}id 2: body-too-large/);
    assert.match(text, /message id 1:\n {2}receiver-1: .*something.*\n {2}sender-1: .*message sent/);
    assert.doesNotMatch(text, /id 9/);
  });
});

describe('the figures of the logs', () => {
  it('count what the audit lines say, whatever a kill cut off', async (t) => {
    const logs = temporaryDirectory(t);
    writeFileSync(path.join(logs, 'sender-1.log'), `${line({ msg: 'message sent' })}${line({ msg: 'message sent' })}{"msg":"message se`);
    const received = [
      { result: 'stored' },
      { result: 'duplicate', redelivered: true },
      { result: 'rejected', code: 'crl-expired' },
      { result: 'retry' },
    ];
    writeFileSync(
      path.join(logs, 'receiver-1.log'),
      `${received.map(line).join('')}{"msg":"message","result":"sto\n${line({ result: 'stored' })}`,
    );
    const { rejected, ...counts } = figuresOf(logs);
    assert.deepEqual(counts, { receipts: 2, stored: 2, duplicates: 1, redelivered: 1, retries: 1 });
    assert.deepEqual([...rejected], [['crl-expired', 1]]);
  });
});

describe('a growing file', () => {
  it('gives each line once, when it is whole', (t) => {
    const file = path.join(temporaryDirectory(t), 'lines');
    const lines = new GrowingFile(file);
    assert.deepEqual([...lines.read()], []);
    appendFileSync(file, 'one\ntw');
    assert.deepEqual([...lines.read()], ['one']);
    appendFileSync(file, `o\n${'x'.repeat(100_000)}\n`);
    assert.deepEqual([...lines.read()], ['two', 'x'.repeat(100_000)]);
    assert.deepEqual([...lines.read()], []);
  });
});
