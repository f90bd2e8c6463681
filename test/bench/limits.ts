import {
  constants,
  createCipheriv,
  createHash,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, rename } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type KeyName, LIMIT } from './plan.js';
import type { Sample } from './sample.js';

// What this machine can do at all, by the same system calls that the services use: the ceilings that results are compared with.

const signAsync = promisify(sign) as (algorithm: string, data: Uint8Array, key: KeyObject) => Promise<Buffer>;
const verifyAsync = promisify(verify) as (algorithm: string, data: Uint8Array, key: KeyObject, signature: Uint8Array) => Promise<boolean>;

const keyPair = (key: KeyName): { privateKey: KeyObject; publicKey: KeyObject } =>
  key === 'RSA' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** Runs `work` with so many in flight for about so many milliseconds; calls a second. */
export async function rateOf(work: (index: number) => Promise<unknown>, inFlight: number, milliseconds: number): Promise<number> {
  const start = performance.now();
  let done = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - start < milliseconds) {
      await work(done);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return (done * 1000) / (performance.now() - start);
}

/** SHA-256 signatures a second with `crypto.sign` and a callback, on libuv's threads. */
export function signingRate(key: KeyName, milliseconds: number): Promise<number> {
  const { privateKey } = keyPair(key);
  const data = randomBytes(256);
  return rateOf(() => signAsync('sha256', data, privateKey), 16, milliseconds);
}

/** Verifications a second with `crypto.verify` and a callback, on libuv's threads. */
export function verifyingRate(key: KeyName, milliseconds: number): Promise<number> {
  const { privateKey, publicKey } = keyPair(key);
  const data = randomBytes(256);
  const signature = sign('sha256', data, privateKey);
  return rateOf(() => verifyAsync('sha256', data, publicKey, signature), 16, milliseconds);
}

/** RSA-2048 private-key operations a second, one at a time in each of so many threads: node:crypto decrypts synchronously only. */
export async function decryptionRate(threads: number, milliseconds: number): Promise<number> {
  const { privateKey, publicKey } = keyPair('RSA');
  const wrapped = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, randomBytes(16));
  const rates = Array.from({ length: threads }, async () => {
    const worker = new Worker(new URL('./decrypt-worker.js', import.meta.url), { workerData: { privateKey, wrapped, milliseconds } });
    const [rate] = (await once(worker, 'message')) as [number];
    await worker.terminate();
    return rate;
  });
  return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
}

async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Elements of three files (dirq Normal: body, signer, empaid), written, fsynced and renamed into place, a second; 32 in flight. */
export async function durableAddRate(directory: string, bytes: number, milliseconds: number): Promise<number> {
  const staging = await mkdtemp(path.join(directory, 'limit-staging-'));
  const target = await mkdtemp(path.join(directory, 'limit-'));
  const body = randomBytes(bytes);
  let next = 0;
  const rate = await rateOf(
    async () => {
      next += 1;
      const element = path.join(staging, String(next));
      await mkdir(element);
      await Promise.all([
        writeDurably(path.join(element, 'body'), body),
        writeDurably(path.join(element, 'signer'), Buffer.from('/C=UK/O=eScience/CN=host.example.org')),
        writeDurably(path.join(element, 'empaid'), Buffer.from('00000000/00000000000000')),
      ]);
      await rename(element, path.join(target, path.basename(element)));
    },
    32,
    milliseconds,
  );
  return rate;
}

/** Bytes a second through base64, SHA-256 and (when encrypted) AES-128-CBC with a second base64, one after the other. */
export function byteRate(encrypted: boolean, milliseconds: number): Promise<number> {
  const chunk = randomBytes(102_400);
  const key = randomBytes(16);
  return rateOf(
    async () => {
      createHash('sha256').update(chunk).digest();
      const text = chunk.toString('base64');
      if (!encrypted) return;
      const cipher = createCipheriv('aes-128-cbc', key, key);
      Buffer.concat([cipher.update(text, 'latin1'), cipher.final()]).toString('base64');
    },
    1,
    milliseconds,
  ).then((calls) => calls * chunk.length);
}

/** All of them, one after the other. */
export async function measureLimits(directory: string, milliseconds: number): Promise<Sample[]> {
  const measured: Sample[] = [];
  const one = async (name: string, rate: Promise<number>, unit = '1/s'): Promise<void> => {
    measured.push({ name, value: await rate, unit });
  };
  for (const key of ['RSA', 'P-256'] as const) {
    await one(LIMIT.sign[key], signingRate(key, milliseconds));
    await one(LIMIT.verify[key], verifyingRate(key, milliseconds));
  }
  await one(LIMIT.decrypt, decryptionRate(2, milliseconds));
  await one(LIMIT.decryptOne, decryptionRate(1, milliseconds));
  for (const bytes of [1024, 102_400]) await one(LIMIT.durable(bytes), durableAddRate(directory, bytes, milliseconds));
  for (const encrypted of [false, true]) await one(LIMIT.bytes(encrypted), byteRate(encrypted, milliseconds), 'bytes/s');
  return measured;
}
