/** Can the service do on its volumes what it must? Tried for real: what is made is gone afterwards, but what each start makes (`.claimed`). */
import { randomBytes } from 'node:crypto';
import { access, constants, mkdir, open, rename, rmdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { bondOf, type ReceiverConfig, SHARE_OF_ANYBODY } from '@ssm/receiver';
import { queueOptions, type SenderConfig } from '@ssm/sender';
import {
  commandAs,
  createOutgoingQueue,
  createStagingQueue,
  newestDirectory,
  ownerBesideRoot,
  SpoolError,
  type SpoolErrorCode,
  whoAndWhere,
} from '@ssm/spool';
import { sizeText } from '../table.js';
import { type Finding, look, ok, skip, warn } from './report.js';

/** So long (ms) the reject queue is measured: one that takes longer is not small. */
const MEASURE_MS = 10_000;

/** Never rejects. */
export async function checkOutgoing(config: SenderConfig, again: string): Promise<readonly Finding[]> {
  const options = queueOptions(config);
  return await look('outgoing', async () => {
    const foreign = await ownedByOthers('outgoing', options.path, again);
    if (foreign !== undefined) return [foreign];
    // Under another name, so that the claims of the service itself are left alone.
    const queue = createOutgoingQueue({ ...options, instance: `check-${process.pid}` });
    try {
      await queue.start();
    } finally {
      await queue.close?.();
    }
    return [ok('outgoing', `${options.path} (${options.layout}): files can be claimed and removed`)];
  });
}

/** Nothing is made there unless it is the volume that its records know. Never rejects. */
export async function checkIncoming(config: ReceiverConfig, again: string): Promise<readonly Finding[]> {
  return await look('incoming', async () => {
    const bond = bondOf(config);
    await bond.check();
    const found = await checkQueue('incoming', config.incoming.path, again);
    const advice = 'mount its volume; where that was lost, go on: what comes again is kept twice';
    return [...found, ...bond.takeNewRecords().map((record) => warn('incoming', `it was used before, but ${record} is new`, advice))];
  });
}

/** Never rejects. */
export async function checkReject(config: ReceiverConfig, again: string): Promise<readonly Finding[]> {
  return [...(await checkQueue('reject', config.reject.path, again)), ...(await look('reject', () => roomForRejects(config)))];
}

/** What was refused in all the years before counts, too: the Python SSM never ended a queue. */
async function roomForRejects({ instance, reject }: ReceiverConfig): Promise<readonly Finding[]> {
  const queue = createStagingQueue({ path: reject.path, instance });
  const signal = AbortSignal.timeout(MEASURE_MS);
  const usage = await queue.usage(signal).catch((error: unknown) => {
    if (signal.aborted) return undefined;
    throw error;
  });
  if (usage === undefined)
    return [
      skip('reject', `${reject.path}: too much to be measured in ${MEASURE_MS / 1000} s`, 'look how much it holds, and may hold: du -sh'),
    ];
  const { bytes, elements } = usage;
  const limit = { bytes: SHARE_OF_ANYBODY * reject.maximumBytes, elements: SHARE_OF_ANYBODY * reject.maximumCount };
  if (elements === 0 || (elements < limit.elements && bytes < limit.bytes)) return [];
  const text = `${reject.path} is full: ${elements} elements, ${sizeText(bytes)}. Of what is refused only the reason will be kept`;
  return [warn('reject', text, 'ssm queue purge reject --older-than 90d, or raise reject.maximumBytes and reject.maximumCount')];
}

async function checkQueue(what: 'incoming' | 'reject', directory: string, again: string): Promise<readonly Finding[]> {
  return await look(what, async () => {
    const missing = (await stat(directory).catch(() => undefined)) === undefined;
    const where = missing ? path.dirname(directory) : directory;
    const foreign = await ownedByOthers(what, where, again);
    if (foreign !== undefined) return [foreign];
    await tryElement(where);
    if (!missing) await tryNewest(directory);
    return [ok(what, missing ? `${directory} will be made at the first start` : `${directory}: elements can be written`)];
  });
}

/** What root does on a volume of somebody else would belong to root, and proves nothing. */
async function ownedByOthers(what: string, directory: string, again: string): Promise<Finding | undefined> {
  await stat(directory).catch((cause: unknown) => {
    throw new SpoolError('path-missing', `${directory} does not exist`, { cause, path: directory });
  });
  const owner = await ownerBesideRoot(directory);
  if (owner === undefined) return undefined;
  return skip(what, `${directory} belongs to uid ${owner.uid}: not tried as root`, `${commandAs(owner)} ${again}`);
}

/** As an element comes: a directory with a durable file, renamed. */
async function tryElement(directory: string): Promise<void> {
  const element = path.join(directory, `.check-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(element);
    const file = await open(path.join(element, 'body'), 'wx');
    try {
      await file.writeFile(Buffer.alloc(4096));
      await file.sync();
    } finally {
      await file.close();
      await unlink(path.join(element, 'body'));
    }
    await rename(element, `${element}-renamed`);
    await rmdir(`${element}-renamed`);
  } catch (cause) {
    await rmdir(element).catch(() => undefined);
    throw await faultOf(cause, directory);
  }
}

/** Where the next element goes. Not written to: a loader may be looking there. */
async function tryNewest(queue: string): Promise<void> {
  const newest = await newestDirectory(queue);
  if (newest === undefined) return;
  const directory = path.join(queue, newest);
  await access(directory, constants.W_OK | constants.X_OK).catch(async (cause: unknown) => {
    throw await faultOf(cause, directory);
  });
}

const CODES: Readonly<Record<string, SpoolErrorCode>> = {
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  EROFS: 'read-only',
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
};

async function faultOf(cause: unknown, directory: string): Promise<SpoolError> {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const text = `${directory} cannot be written: ${await whoAndWhere(directory)}`;
  return new SpoolError(CODES[errno] ?? 'io-error', text, { cause, path: directory });
}
