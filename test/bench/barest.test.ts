import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { createDemoPki, type Scope, temporaryDirectory } from '@ssm/test-support';
import { type BareOptions, barePublisher, bareReceiver } from './bare-stomp.js';
import { type BarestSent, measureBarestReceiver, measureBarestSender } from './barest.js';
import { prepare, type Stage } from './pair.js';
import type { Load } from './plan.js';
import { developmentBrokers } from './venue.js';

const TIMES = { warmMs: 100, windowMs: 500 };
/** More than are sent or stored in that time: what they do when files or messages do not last is not looked at here. */
const FILES = 5000;

async function stageFor(scope: Scope): Promise<Stage> {
  const directory = path.join(temporaryDirectory(scope), 'stage');
  const pki = createDemoPki(path.join(directory, '..', 'pki'));
  prepare({ directory, pki });
  return { scope, directory, pki, venue: await developmentBrokers(scope, pki).open(false) };
}

/** The body of the first message, in Latin-1. */
async function take(queue: BareOptions): Promise<string> {
  return await new Promise((resolve, reject) => {
    const taken = bareReceiver(queue, { messages: 1, bytes: 1 }, (frame, acknowledge) => {
      acknowledge();
      void taken.then((end) => end());
      resolve(frame.slice(frame.indexOf('\n\n') + 2));
    });
    taken.catch(reject);
  });
}

/** As if that were what the barest sender had sent. */
async function sent(stage: Stage, first: BarestSent, body: string): Promise<BarestSent> {
  const queue = stage.venue.bare();
  const publisher = await barePublisher(queue);
  await publisher.send(body);
  publisher.close();
  return { ...first, queue, messages: 1 };
}

/** With another letter in the file, or in the base64 that it is encrypted to. */
function altered(body: string): string {
  const at = body.indexOf('\n\n') + 1000;
  return `${body.slice(0, at)}${body[at] === 'a' ? 'b' : 'a'}${body.slice(at + 1)}`;
}

for (const encrypted of [false, true]) {
  const load: Load = { bytes: 1024, encrypted, key: 'RSA', tls: false };
  describe(`the barest programs, ${encrypted ? 'signed and encrypted' : 'signed'}`, () => {
    it('send and receive, and tell how fast; an altered message ends the receiver', async (context) => {
      const stage = await stageFor(context);
      const first = await measureBarestSender(stage, load, { files: FILES, until: FILES }, TIMES);
      assert.ok(first.rate > 0);
      assert.ok(first.messages >= FILES);
      const body = await take(first.queue);
      const received = await measureBarestReceiver(stage, load, { ...first, messages: first.messages - 1 }, TIMES);
      assert.ok(received.rate > 0);
      const other = await sent(stage, first, altered(body));
      await assert.rejects(
        measureBarestReceiver({ ...stage, directory: `${stage.directory}-altered` }, load, other, TIMES),
        /another message than was sent/,
      );
    });
  });
}
