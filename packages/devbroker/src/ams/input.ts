import { invalid } from './api-error.js';
import type { NewMessage } from './stored-message.js';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A JSON object. Throws ApiError 400 with this text for anything else. */
function parse(body: Buffer, complaint: string): Fields {
  try {
    const value: unknown = JSON.parse(body.toString());
    if (isFields(value)) return value;
  } catch {
    // Said below.
  }
  throw invalid(complaint);
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isTextOrAbsent = (value: unknown): value is string | undefined => value === undefined || isText(value);
const isTexts = (value: unknown): value is Readonly<Record<string, string>> => isFields(value) && Object.values(value).every(isText);

export function messagesOf(body: Buffer): NewMessage[] {
  const complaint = 'Invalid Message Arguments';
  const { messages = [] } = parse(body, complaint);
  if (!Array.isArray(messages)) throw invalid(complaint);
  return messages.map((message: unknown) => {
    const { data = '', attributes = {} } = isFields(message) ? message : { data: undefined, attributes: undefined };
    if (!isFields(message) || !isText(data) || !isTexts(attributes)) throw invalid(complaint);
    return { data, attributes };
  });
}

/** Both values must be texts, numbers and booleans are refused. A number that cannot be read counts as 1. */
export function pullOf(body: Buffer): { readonly count: number; readonly atOnce: boolean } {
  const complaint = 'Invalid Pull Parameters Arguments';
  const { maxMessages, returnImmediately } = parse(body, complaint);
  if (!isTextOrAbsent(maxMessages) || !isTextOrAbsent(returnImmediately)) throw invalid(complaint);
  const count = /^\d+$/.test(maxMessages ?? '') ? Number(maxMessages) : 1;
  return { count: Math.max(1, count), atOnce: returnImmediately !== 'false' };
}

/** The highest offset among the ids. */
export function acknowledgedOffset(body: Buffer, prefix: string): number {
  const { ackIds } = parse(body, 'Invalid ack parameter');
  if (!Array.isArray(ackIds) || ackIds.length === 0) throw invalid('Invalid ack id');
  const offsets = ackIds.map((id: unknown) => (isText(id) && id.startsWith(prefix) ? id.slice(prefix.length) : ''));
  if (!offsets.every((offset) => /^\d+$/.test(offset))) throw invalid('Invalid ack id');
  return Math.max(...offsets.map(Number));
}

export function deadlineOf(body: Buffer): unknown {
  return parse(body, 'Invalid ackDeadlineSeconds(needs value between 0 and 600) Arguments')['ackDeadlineSeconds'];
}

export function newSubscriptionOf(body: Buffer): { readonly topic: string; readonly ackDeadlineSeconds: number } {
  const { topic, ackDeadlineSeconds = 0 } = parse(body, 'Invalid Subscription Arguments');
  const name = isText(topic) ? /^projects\/[^/]+\/topics\/([^/]+)$/.exec(topic)?.[1] : undefined;
  if (name === undefined || typeof ackDeadlineSeconds !== 'number') throw invalid('Invalid Topic name');
  return { topic: name, ackDeadlineSeconds };
}
