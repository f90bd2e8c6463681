import {
  constants,
  createCipheriv,
  createDecipheriv,
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
import { base64Lines } from './base64-lines.js';
import { BYTE_LIMITS, LIMIT, type Limits } from './bounds.js';
import { KB, type KeyName } from './plan.js';
import type { Sample } from './sample.js';

// What this machine can do at all, by the same system calls that the services use: the ceilings that results are compared with.

const signAsync = promisify(sign) as (algorithm: string, data: Uint8Array, key: KeyObject) => Promise<Buffer>;
const verifyAsync = promisify(verify) as (algorithm: string, data: Uint8Array, key: KeyObject, signature: Uint8Array) => Promise<boolean>;

/** The part of the time that does not count: what is measured begins with the others in flight. */
const WARM_SHARE = 0.2;
const CHUNK = 100 * KB;

interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const keyPairs = new Map<KeyName, KeyPair>();

function keyPair(key: KeyName): KeyPair {
  const made =
    keyPairs.get(key) ??
    (key === 'RSA' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  keyPairs.set(key, made);
  return made;
}

/** Runs `work` with so many in flight for about so many milliseconds; calls a second, without the first fifth of the time. */
export async function rateOf(work: () => Promise<unknown>, inFlight: number, milliseconds: number): Promise<number> {
  const start = performance.now();
  let from = { at: start, done: 0 };
  let isWarm = false;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - start < milliseconds) {
      await work();
      done += 1;
      if (isWarm || performance.now() - start < milliseconds * WARM_SHARE) continue;
      isWarm = true;
      from = { at: performance.now(), done };
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  // Of calls longer than all the time, each is one.
  if (done === from.done) from = { at: start, done: 0 };
  return ((done - from.done) * 1000) / (performance.now() - from.at);
}

/** SHA-256 signatures a second with `crypto.sign` and a callback, on libuv's threads. */
function signingRate(key: KeyName, milliseconds: number): Promise<number> {
  const { privateKey } = keyPair(key);
  const data = randomBytes(256);
  return rateOf(() => signAsync('sha256', data, privateKey), 16, milliseconds);
}

/** Verifications a second with `crypto.verify` and a callback, on libuv's threads. */
function verifyingRate(key: KeyName, milliseconds: number): Promise<number> {
  const { privateKey, publicKey } = keyPair(key);
  const data = randomBytes(256);
  const signature = sign('sha256', data, privateKey);
  return rateOf(() => verifyAsync('sha256', data, publicKey, signature), 16, milliseconds);
}

/** RSA-2048 private-key operations a second, one at a time in each of so many threads: node:crypto decrypts synchronously only. */
async function decryptionRate(threads: number, milliseconds: number): Promise<number> {
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
async function durableAddRate(directory: string, bytes: number, milliseconds: number): Promise<number> {
  const staging = await mkdtemp(path.join(directory, 'limit-staging-'));
  const target = await mkdtemp(path.join(directory, 'limit-'));
  const body = randomBytes(bytes);
  let next = 0;
  const add = async (): Promise<void> => {
    next += 1;
    const element = path.join(staging, String(next));
    await mkdir(element);
    await Promise.all([
      writeDurably(path.join(element, 'body'), body),
      writeDurably(path.join(element, 'signer'), Buffer.from('/C=UK/O=eScience/CN=host.example.org')),
      writeDurably(path.join(element, 'empaid'), Buffer.from('00000000/00000000000000')),
    ]);
    await rename(element, path.join(target, path.basename(element)));
  };
  return rateOf(add, 32, milliseconds);
}

/** The passes over 100 KB, one after the other, on the thread that has the message: node:crypto hashes and encrypts synchronously only. */
const PASSES: ReadonlyMap<string, () => unknown> = passesOver(randomBytes(CHUNK), randomBytes(16));

function passesOver(chunk: Buffer, key: Buffer): Map<string, () => unknown> {
  const cipher = createCipheriv('aes-128-cbc', key, key);
  const text = base64Lines(Buffer.concat([cipher.update(chunk), cipher.final()]));
  const digest = (): unknown => createHash('sha256').update(chunk).digest();
  const seal = (): unknown => {
    digest();
    const encrypting = createCipheriv('aes-128-cbc', key, key);
    return [base64Lines(encrypting.update(chunk)), base64Lines(encrypting.final())];
  };
  const unseal = (): unknown => {
    const decrypting = createDecipheriv('aes-128-cbc', key, key);
    return [decrypting.update(Buffer.from(text.toString('latin1'), 'base64')), decrypting.final(), digest()];
  };
  return new Map([
    [LIMIT.digest, digest],
    [LIMIT.seal, seal],
    [LIMIT.unseal, unseal],
  ]);
}

/** Bytes of messages a second. */
function byteRate(work: () => unknown, milliseconds: number): Promise<number> {
  return rateOf(() => Promise.resolve(work()), 1, milliseconds).then((calls) => calls * CHUNK);
}

function signatures(name: string, milliseconds: number): Promise<number> | undefined {
  for (const key of ['RSA', 'P-256'] as const) {
    if (name === LIMIT.sign[key]) return signingRate(key, milliseconds);
    if (name === LIMIT.verify[key]) return verifyingRate(key, milliseconds);
  }
  return undefined;
}

/** One limit, by its name. `directory`: in the volume that durable adds go to. */
export function limitRate(name: string, directory: string, milliseconds: number): Promise<number> {
  const work = PASSES.get(name);
  if (work !== undefined) return byteRate(work, milliseconds);
  if (name === LIMIT.decrypt) return decryptionRate(2, milliseconds);
  if (name === LIMIT.decryptOne) return decryptionRate(1, milliseconds);
  const bytes = [KB, CHUNK].find((size) => name === LIMIT.durable(size));
  if (bytes !== undefined) return durableAddRate(directory, bytes, milliseconds);
  return signatures(name, milliseconds) ?? Promise.reject(new RangeError(`no limit: ${name}`));
}

const sampleOf = (name: string, value: number): Sample => ({ name, value, unit: BYTE_LIMITS.includes(name) ? 'bytes/s' : '1/s' });

/** Some limits, one after the other. */
export async function measureLimits(names: readonly string[], directory: string, milliseconds: number): Promise<Sample[]> {
  const measured: Sample[] = [];
  for (const name of names) measured.push(sampleOf(name, await limitRate(name, directory, milliseconds)));
  return measured;
}

/** The mean of what was measured before and after, limit by limit. */
export function meanOf(before: readonly Sample[], after: readonly Sample[]): Sample[] {
  return before.map((sample) => {
    const other = after.find(({ name }) => name === sample.name);
    return { ...sample, value: (sample.value + (other ?? sample).value) / 2 };
  });
}

export interface Between<T> {
  readonly result: T;
  readonly limits: Limits;
  readonly samples: readonly Sample[];
}

/** Does `work` between two measurements of these limits: what the machine can do changes from minute to minute, above all what files cost. */
export async function between<T>(measure: () => Promise<Sample[]>, work: () => Promise<T>): Promise<Between<T>> {
  const before = await measure();
  const result = await work();
  const samples = meanOf(before, await measure());
  return { result, limits: new Map(samples.map(({ name, value }) => [name, value])), samples };
}
