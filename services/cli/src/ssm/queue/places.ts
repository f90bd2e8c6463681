/** Which directory a queue is, by the configuration or by --path. */
import { NormalReader, type SpoolError } from '@ssm/spool';
import { type Given, type OptionSpec, type PositionalSpec, UsageError } from '../command.js';
import { type LoadedReceiver, loadReceiver, loadSender } from '../config.js';
import type { Terminal } from '../terminal.js';

const QUEUES = ['outgoing', 'quarantine', 'incoming', 'reject'] as const;
export type QueueName = (typeof QUEUES)[number];

export const QUEUE: PositionalSpec = { name: 'QUEUE', choices: QUEUES, doc: 'which queue' };
export const PATH_OPTION: OptionSpec = { type: 'string', value: 'DIR', doc: 'the directory of the queue, in place of the configuration' };

export interface Place {
  readonly queue: QueueName;
  readonly path: string;
  readonly layout: 'dirq' | 'directory';
  /** Of incoming and reject, unless --path was given. */
  readonly receiver: LoadedReceiver | undefined;
}

/** Throws UsageError, ServiceError. */
export function placeOf(given: Given, terminal: Terminal): Place {
  const queue = queueNamed(given.positionals[0]);
  const path = given.text('path');
  if (path !== undefined) return { queue, path, layout: given.text('layout') === 'directory' ? 'directory' : 'dirq', receiver: undefined };
  if (queue === 'incoming' || queue === 'reject') {
    const receiver = loadReceiver(given, terminal);
    return { queue, path: receiver.config[queue].path, layout: 'dirq', receiver };
  }
  const { path: outgoing, layout, quarantine } = loadSender(given, terminal).config.outgoing;
  const quarantined = quarantine === '' ? `${outgoing}/.quarantine` : quarantine;
  return { queue, path: queue === 'outgoing' ? outgoing : quarantined, layout, receiver: undefined };
}

function queueNamed(text: string | undefined): QueueName {
  const queue = QUEUES.find((name) => name === text);
  if (queue === undefined) throw new UsageError(`QUEUE: one of ${QUEUES.join(', ')}`);
  return queue;
}

/** Names of the elements; none when the directory of a quarantine was never made. */
export async function* elementNames({ path, queue }: Place): AsyncGenerator<string, void> {
  try {
    yield* new NormalReader({ path }).names();
  } catch (error) {
    if (queue !== 'quarantine' || !isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): error is SpoolError {
  return error instanceof Error && 'code' in error && error.code === 'path-missing';
}
