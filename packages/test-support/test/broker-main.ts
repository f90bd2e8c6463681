/** Starts a broker, says its process id, and waits: for a test that kills this process. */
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { BROKER_KINDS, createDemoPki, startBroker } from '../src/index.js';

const [, , directory = '', wanted] = process.argv;
const kind = BROKER_KINDS.find((each) => each === wanted);
if (kind === undefined) throw new Error(`no broker ${wanted}`);
const pki = createDemoPki(path.join(directory, 'pki'), { key: 'p256' });
const { pid } = await startBroker({ after: () => undefined }, kind, { pki });
process.stdout.write(`broker ${pid}\n`);
await sleep(600_000);
