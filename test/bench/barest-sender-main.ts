import {
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  sign,
} from 'node:crypto';
import { link, readdirSync, readFile, readFileSync, unlink } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { type BareOptions, barePublisher } from './bare-stomp.js';
import { type BarestResult, Meter } from './barest-meter.js';
import { base64Lines } from './base64-lines.js';
import type { Times } from './plan.js';

// The barest loop: what a sender cannot do without, and nothing else. Lock, read, sign, one write, receipt, unlink.

/** The only argument, as JSON. */
export interface BarestSenderTask extends BareOptions, Times {
  /** One directory of files. */
  readonly directory: string;
  readonly keyPath: string;
  readonly certificatePath: string;
  readonly encrypted: boolean;
  /** It goes on after it was measured until so many were sent. */
  readonly until: number;
}

const IN_FLIGHT = 100;

const lock = promisify(link);
const read = promisify(readFile);
const remove = promisify(unlink);
const signAsync = promisify(sign) as (algorithm: string, data: Uint8Array, key: KeyObject) => Promise<Buffer>;

async function seal(body: Buffer, key: KeyObject, certificate: Buffer): Promise<Buffer> {
  const part = Buffer.concat([Buffer.from('Content-Type: text/plain\n\n'), body]);
  const attributes = Buffer.concat([Buffer.alloc(90), createHash('sha256').update(part).digest()]);
  const signature = await signAsync('sha256', attributes, key);
  const cms = base64Lines(Buffer.concat([certificate, attributes, signature]));
  return Buffer.concat([
    Buffer.from('--b\n'),
    part,
    Buffer.from('\n--b\nContent-Transfer-Encoding: base64\n\n'),
    cms,
    Buffer.from('\n--b--\n'),
  ]);
}

function encrypt(message: Buffer, recipient: KeyObject): Buffer {
  const contentKey = randomBytes(16);
  const vector = randomBytes(16);
  const cipher = createCipheriv('aes-128-cbc', contentKey, vector);
  const bytes = Buffer.concat([publicEncrypt(recipient, contentKey), vector, cipher.update(message), cipher.final()]);
  return Buffer.concat([Buffer.from('Content-Transfer-Encoding: base64\n\n'), base64Lines(bytes)]);
}

async function run(task: BarestSenderTask): Promise<BarestResult | null> {
  const publisher = await barePublisher(task);
  const key = createPrivateKey(readFileSync(task.keyPath));
  const pem = readFileSync(task.certificatePath, 'latin1');
  const certificate = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  const recipient = createPublicKey(pem);
  const files = readdirSync(task.directory).toSorted();
  const meter = new Meter(task);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const name = files[next];
      if (meter.isOver() && next >= task.until) return;
      if (name === undefined) {
        meter.end();
        return;
      }
      next += 1;
      const file = path.join(task.directory, name);
      await lock(file, `${file}.lck`);
      const message = await seal(await read(file), key, certificate);
      await publisher.send(task.encrypted ? encrypt(message, recipient) : message);
      await remove(file);
      await remove(`${file}.lck`);
      meter.count();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  publisher.close();
  const result = meter.result();
  // More files would not help where some are left.
  if (result === null && next < files.length) throw new Error('the broker took nothing from the barest loop');
  return result;
}

process.stdout.write(`${JSON.stringify(await run(JSON.parse(process.argv[2] ?? '') as BarestSenderTask))}\n`);
