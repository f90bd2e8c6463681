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
import { barePublisher } from './bare-stomp.js';
import { base64Lines } from './base64-lines.js';

// The barest loop: what a sender cannot do without, and nothing else. Lock, read, sign, one write, receipt, unlink.

/** The only argument, as JSON. */
export interface BarestTask {
  readonly port: number;
  readonly destination: string;
  /** One directory of files. */
  readonly directory: string;
  readonly keyPath: string;
  readonly certificatePath: string;
  readonly encrypted: boolean;
  readonly warmMs: number;
  readonly windowMs: number;
  readonly login?: string;
  readonly passcode?: string;
  readonly headers?: readonly string[];
}

/** The only line of output, as JSON; null when the files ran out before anything could be counted. */
export interface BarestResult {
  /** Messages a second in the window. */
  readonly rate: number;
  /** User and system seconds of this process for one message. */
  readonly cpuSeconds: number;
}

interface Mark {
  readonly at: number;
  readonly cpu: NodeJS.CpuUsage;
  readonly done: number;
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
  const cipher = createCipheriv('aes-128-cbc', contentKey, randomBytes(16));
  const bytes = Buffer.concat([publicEncrypt(recipient, contentKey), cipher.update(message), cipher.final()]);
  return Buffer.concat([Buffer.from('Content-Transfer-Encoding: base64\n\n'), base64Lines(bytes)]);
}

async function run(task: BarestTask): Promise<BarestResult | null> {
  const publisher = await barePublisher(task);
  const key = createPrivateKey(readFileSync(task.keyPath));
  const pem = readFileSync(task.certificatePath, 'latin1');
  const certificate = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  const recipient = createPublicKey(pem);
  const files = readdirSync(task.directory).toSorted();
  const began = performance.now();
  const mark = (): Mark => ({ at: performance.now(), cpu: process.cpuUsage(), done });
  let next = 0;
  let done = 0;
  let from: Mark | undefined;
  let to: Mark | undefined;
  const worker = async (): Promise<void> => {
    for (;;) {
      const name = files[next];
      const passed = performance.now() - began;
      if (passed >= task.warmMs) from ??= mark();
      if (name === undefined || passed >= task.warmMs + task.windowMs) {
        to ??= mark();
        return;
      }
      next += 1;
      const file = path.join(task.directory, name);
      await lock(file, `${file}.lck`);
      const message = await seal(await read(file), key, certificate);
      await publisher.send(task.encrypted ? encrypt(message, recipient) : message);
      await remove(file);
      await remove(`${file}.lck`);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  publisher.close();
  if (from !== undefined && to !== undefined && to.done > from.done) return resultOf(from, to);
  // More files would not help where some are left.
  if (next < files.length) throw new Error('the broker took nothing from the barest loop');
  return null;
}

function resultOf(from: Mark, to: Mark): BarestResult {
  const messages = to.done - from.done;
  const cpuMicroseconds = to.cpu.user + to.cpu.system - from.cpu.user - from.cpu.system;
  return { rate: (messages * 1000) / (to.at - from.at), cpuSeconds: cpuMicroseconds / 1e6 / messages };
}

process.stdout.write(`${JSON.stringify(await run(JSON.parse(process.argv[2] ?? '') as BarestTask))}\n`);
