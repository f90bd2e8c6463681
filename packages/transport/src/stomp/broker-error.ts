import { TransportError } from '../errors.js';
import type { IncomingFrame } from './body.js';

/** ActiveMQ sends its stack along. */
const withoutStack = (body: string): string => body.split(/\n\s*at /, 1)[0] ?? '';

/** The words of an ERROR frame: brokers put them into the header `message`, the body, or both. `shown` makes them fit to be shown. */
export function brokerError(
  name: string,
  { message = '' }: IncomingFrame['headers'],
  body: string,
  shown: (text: string) => string,
): TransportError {
  const words = [String(message), withoutStack(body)].map(shown).filter((text) => text !== '');
  return new TransportError('broker-error', `${name}: the broker says: ${words.join(': ') || 'nothing more than ERROR'}`);
}
