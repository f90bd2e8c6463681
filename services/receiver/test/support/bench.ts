import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DistinguishedName, type OpenedMessage, parseCertificates } from '@ssm/empa';
import {
  createDeliveryRecord,
  createSharedDeliveryRecord,
  createStagingQueue,
  type DeliveryRecord,
  type Sharing,
  SpoolError,
} from '@ssm/spool';
import { createCertificate, MemoryClaims, namesInDirq, type Scope, temporaryDirectory } from '@ssm/test-support';
import { DnList, SignerLists } from '../../src/authorise.js';
import { Holding } from '../../src/holding.js';
import type { Pipeline } from '../../src/pipeline.js';
import { RejectStore } from '../../src/reject-store.js';
import type { Shelf } from '../../src/shelf.js';
import { SpaceReserve } from '../../src/space.js';
import type { Stage } from '../../src/steps.js';

export const LISTED = '/C=UK/O=eScience/CN=listed.example.org';
export const DENIED = '/C=UK/O=eScience/CN=denied.example.org';
export const UNLISTED = '/C=UK/O=eScience/CN=unlisted.example.org';

let instances = 0;

/** A queue and its record in a new directory, or once more in the directory of another. */
export function createShelf(scope: Scope, component: Shelf['component'], root = temporaryDirectory(scope)): Shelf {
  instances += 1;
  const queue = createStagingQueue({ path: path.join(root, component), instance: `test-${instances}` });
  return { component, queue, record: createDeliveryRecord({ path: path.join(root, component, '.delivered') }) };
}

export const WINDOW_MS = 3_600_000;

export interface SharedShelf extends Shelf {
  readonly record: DeliveryRecord & { readonly sharing: Sharing };
  readonly holding: Holding;
}

export interface SharedShelfOptions {
  readonly claims: MemoryClaims;
  readonly root: string;
  readonly holdLimit?: number;
  readonly signal?: AbortSignal;
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Incoming of a process on the volume at `root`, with a record that all shelves of the same claims share. */
export function createSharedShelf(options: SharedShelfOptions): SharedShelf {
  const { claims, holdLimit = 10_000, pause, root, signal = new AbortController().signal } = options;
  instances += 1;
  const incoming = path.join(root, 'incoming');
  const server = { url: 'redis://stand-in', prefix: 'x', timeoutMs: 1000 };
  const record = createSharedDeliveryRecord({ path: path.join(incoming, '.delivered'), label: root, windowMs: WINDOW_MS, server }, claims);
  const holding = new Holding({ sharing: record.sharing, limit: holdLimit, signal, ...(pause === undefined ? {} : { pause }) });
  return { component: 'incoming', queue: createStagingQueue({ path: incoming, instance: `test-${instances}` }), record, holding };
}

function forgotten(): Error {
  return new SpoolError('server-forgot', 'it was emptied');
}

export function createClaims(gate?: (step: string) => Promise<void>): MemoryClaims {
  return new MemoryClaims(gate === undefined ? { forgotten } : { forgotten, gate });
}

export async function startShelf<S extends Shelf>(shelf: S): Promise<S> {
  await shelf.queue.start();
  await shelf.record.start();
  return shelf;
}

/** The files of an element, as latin-1 text. */
export interface Element {
  readonly body?: string;
  readonly signer?: string;
  readonly empaid?: string;
  readonly error?: string;
  readonly raw?: string;
}

/** The elements that a reader of the queue sees. */
export function elementsOf(queuePath: string): Element[] {
  return namesInDirq(queuePath).map((name) => {
    const element = path.join(queuePath, name);
    return Object.fromEntries(readdirSync(element).map((file) => [file, readFileSync(path.join(element, file), 'latin1')]));
  });
}

/** The same object with some of its functions replaced. */
export function replacing<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get: (_target, name) => {
      const owner = name in changes ? changes : target;
      const value: unknown = Reflect.get(owner, name);
      return typeof value === 'function' ? value.bind(owner) : value;
    },
  });
}

/** What readers do not see: elements that are staged. */
export function stagedIn(queuePath: string): string[] {
  const staged = /^[^/]+\/([0-9a-f]{14})$/;
  return readdirSync(path.join(queuePath, '.staging'), { recursive: true, encoding: 'utf8' }).flatMap(
    (name) => staged.exec(name)?.[1] ?? [],
  );
}

const certificate = (() => {
  const [parsed] = parseCertificates(createCertificate({ subject: LISTED }).der);
  if (parsed === undefined) throw new Error('no certificate');
  return parsed;
})();

export function opened(body: string, signer = LISTED, deliveryId?: string): OpenedMessage {
  const base = { body: Buffer.from(body), signer: DistinguishedName.parse(signer), certificate, encrypted: false };
  return deliveryId === undefined ? base : { ...base, deliveryId };
}

export interface TestPipeline extends Pipeline {
  /** Stages that ended, in order. */
  readonly stages: Stage[];
  readonly confirmFailures: unknown[];
}

/** Everything real but the message format: `open` says what a message is. */
export async function createPipeline(scope: Scope, open: Pipeline['open'], changes: Partial<Pipeline> = {}): Promise<TestPipeline> {
  const root = temporaryDirectory(scope);
  const incoming = await startShelf(createShelf(scope, 'incoming', root));
  const reject = await startShelf(createShelf(scope, 'reject', root));
  const stages: Stage[] = [];
  const confirmFailures: unknown[] = [];
  const [allow, deny] = [new DnList(), new DnList()];
  for (const line of [LISTED, DENIED]) allow.add(line, 'allow');
  deny.add(DENIED, 'deny');
  const lists = new SignerLists(allow, deny);
  return {
    open,
    trustFailure: () => undefined,
    lists: () => lists,
    utf8: false,
    incoming,
    space: new SpaceReserve(incoming.queue, 0),
    rejects: new RejectStore({
      shelf: reject,
      maximumBytes: 1_000_000,
      maximumCount: 1000,
      reserve: 0,
      moved: () => undefined,
      stopping: new AbortController().signal,
      now: () => new Date(),
    }),
    rejectShelf: reject,
    step: async (stage, work) => {
      const result = await work();
      stages.push(stage);
      return result;
    },
    onConfirmFailure: (error) => void confirmFailures.push(error),
    stages,
    confirmFailures,
    ...changes,
  };
}
