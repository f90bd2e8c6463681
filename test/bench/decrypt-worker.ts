import { constants, type KeyObject, privateDecrypt } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

// As many private-key operations as there is time for; how many is the answer.

const { privateKey, wrapped, milliseconds } = workerData as { privateKey: KeyObject; wrapped: Uint8Array; milliseconds: number };
const start = performance.now();
let done = 0;
for (; performance.now() - start < milliseconds; done += 1) privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, wrapped);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a browser's window
parentPort?.postMessage((done * 1000) / (performance.now() - start));
