import { createDecipheriv, createHash, createPrivateKey, createPublicKey, type KeyObject, privateDecrypt, verify } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

// Opens what the barest sender made, and answers some at a time, in their order.

/** What the thread is started with; keys and certificate as PEM. */
export interface OpenerData {
  readonly key: string;
  readonly certificate: string;
  readonly encrypted: boolean;
}

/** An answer costs more than what is in it; but the disk should not wait for many. */
const TOGETHER = 16;
const SECRET = 256;
const BLOCK = 16;
const ATTRIBUTES = 122;
const DIGEST = 32;

const { key, certificate, encrypted } = workerData as OpenerData;
const publicKey: KeyObject = createPublicKey(certificate);
const privateKey: KeyObject = createPrivateKey(key);
const certificateBytes = Buffer.from(certificate.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64').length;

function decrypt(message: string): Buffer {
  const bytes = Buffer.from(message.slice(message.indexOf('\n\n')), 'base64');
  const contentKey = privateDecrypt(privateKey, bytes.subarray(0, SECRET));
  const decipher = createDecipheriv('aes-128-cbc', contentKey, bytes.subarray(SECRET, SECRET + BLOCK));
  return Buffer.concat([decipher.update(bytes.subarray(SECRET + BLOCK)), decipher.final()]);
}

/** The body of a message, in Latin-1; throws for one that was altered. */
function open(message: string): Uint8Array {
  const text = encrypted ? decrypt(message) : Buffer.from(message, 'latin1');
  const end = text.lastIndexOf('\n--b\n');
  const part = text.subarray('--b\n'.length, end);
  const cms = Buffer.from(text.toString('latin1', text.indexOf('\n\n', end), text.length - '\n--b--\n'.length), 'base64');
  const attributes = cms.subarray(certificateBytes, certificateBytes + ATTRIBUTES);
  const isWhole = createHash('sha256').update(part).digest().equals(attributes.subarray(-DIGEST));
  if (!isWhole || !verify('sha256', attributes, publicKey, cms.subarray(certificateBytes + ATTRIBUTES)))
    throw new Error('the barest receiver was given another message than was sent');
  return new Uint8Array(part.subarray(part.indexOf('\n\n') + 2));
}

parentPort?.on('message', (messages: string[]) => {
  for (let from = 0; from < messages.length; from += TOGETHER) {
    const bodies = messages.slice(from, from + TOGETHER).map(open);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a browser's window
    parentPort?.postMessage(
      bodies,
      bodies.map(({ buffer }) => buffer as ArrayBuffer),
    );
  }
});
