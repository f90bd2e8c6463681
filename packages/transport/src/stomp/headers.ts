/** STOMP versions that are offered. 1.0 has no acknowledgement of single messages. */
export type StompVersion = '1.1' | '1.2';

/** Headers that the endpoints set themselves; an extra header of that name would contradict them. */
export const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'destination',
  'persistent',
  'content-length',
  // Receivers in the field expect none, and a text type makes some brokers re-encode the body.
  'content-type',
  'empa-id',
  'receipt',
  'id',
  'ack',
  'transaction',
]);

const UNSENDABLE = { '1.2': /\0/, '1.1': /[\0\r]/, connect: /[\0\r\n]/ } as const;

/**
 * Whether a header value (or name) arrives as it is. NUL ends a frame and cannot be escaped; 1.1 cannot escape CR, and CONNECT escapes nothing
 * so that it can be read by any version (STOMP 1.2, "Value Encoding").
 */
export function isSendable(text: string, version: StompVersion | 'connect'): boolean {
  return !UNSENDABLE[version].test(text);
}

/** What a person should know when CONNECT was not taken: some brokers unescape it all the same. Never the values: one is secret. */
export function escapeHint(values: Readonly<Record<string, string | undefined>>): string {
  const names = Object.entries(values).flatMap(([name, value]) => (value?.replaceAll('\\\\', '').includes('\\') ? [name] : []));
  return names.length === 0 ? '' : `; a backslash in ${names.join(', ')}: RabbitMQ and ActiveMQ want it doubled`;
}
