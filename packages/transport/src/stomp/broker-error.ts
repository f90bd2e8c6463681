import { TransportError } from '../errors.js';
import type { IncomingFrame } from './body.js';

const MAX_TEXT = 500;

/** A broker's words, fit for a log: one line, bounded, without control characters. */
export function printable(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line;
}

/** ActiveMQ sends its stack along. */
const withoutStack = (body: string): string => body.split(/\n\s*at /, 1)[0] ?? '';

/** What an ERROR frame says: brokers put it into the header `message`, the body, or both. */
export function brokerError(name: string, headers: IncomingFrame['headers'], body: string): TransportError {
  const { message = '' } = headers;
  const words = [String(message), withoutStack(body)].map(printable).filter((text) => text !== '');
  return new TransportError('broker-error', `${name}: the broker says: ${words.join(': ') || 'nothing more than ERROR'}`);
}
