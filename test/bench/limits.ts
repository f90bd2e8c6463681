import {
  constants,
  createCipheriv,
  createHash,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
} from 'node:crypto';
import { mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

// What this machine can do at all, by the same system calls that the services use: the ceilings that results are compared with.

const signAsync = promisify(sign) as (algorithm: string, data: Uint8Array, key: KeyObject) => Promise<Buffer>;

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

/** RSA-2048 SHA-256 signatures a second on libuv's threads. */
export function signingRate(milliseconds: number): Promise<number> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const data = randomBytes(256);
  return rateOf(() => signAsync('sha256', data, privateKey), 16, milliseconds);
}

/** RSA-2048 private-key operations a second, one at a time on the main thread, as decryption does them. */
export function decryptionRate(milliseconds: number): Promise<number> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const wrapped = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, randomBytes(16));
  return rateOf(async () => privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, wrapped), 1, milliseconds);
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
  for (const made of [staging, target]) await rm(made, { recursive: true });
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
