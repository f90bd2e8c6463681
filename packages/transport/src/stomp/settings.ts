import { TransportError } from '../errors.js';
import { hostAndPort } from '../host-and-port.js';
import { isSendable, RESERVED_HEADERS } from './headers.js';
import type { StompBroker, StompOptions } from './options.js';

const MiB = 1024 * 1024;
/** The longest time that a timer takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** {@link StompOptions} checked and complete. */
export type Settings = Required<Omit<StompOptions, 'login' | 'passcode'>> & Pick<StompOptions, 'login' | 'passcode'>;

export const DEFAULTS = {
  virtualHost: '/',
  extraHeaders: {},
  connectTimeoutMs: 10_000,
  receiptTimeoutMs: 30_000,
  heartbeatMs: 10_000,
  window: 100,
  byteBudget: 64 * MiB,
  maximumMessageBytes: 96 * MiB,
  backoff: { initialMs: 500, maximumMs: 30_000 },
  random: Math.random,
} as const;

/** The name under which statuses, confirmations and errors know a broker. */
export function brokerName({ host, port }: StompBroker): string {
  return hostAndPort(host, port);
}

function* brokerFaults(brokers: readonly StompBroker[]): Iterable<string> {
  if (brokers.length === 0) yield 'no broker';
  for (const { host, port } of brokers) {
    if (host === '') yield 'a broker without a host';
    if (!Number.isInteger(port) || port < 1 || port > 65_535) yield `port ${port}`;
  }
  if (new Set(brokers.map(brokerName)).size < brokers.length) yield 'a broker that is listed twice';
}

function* headerFaults({ destination, login, passcode, virtualHost, extraHeaders }: Settings): Iterable<string> {
  if (destination === '') yield 'no destination';
  if (!isSendable(destination, 'connect')) yield 'a control character in destination';
  for (const [name, value] of Object.entries({ login, passcode, virtualHost }))
    if (value !== undefined && !isSendable(value, 'connect')) yield `a control character in ${name}`;
  for (const [name, value] of Object.entries(extraHeaders)) {
    if (RESERVED_HEADERS.has(name)) yield `extra header ${name}: it is set by the transport`;
    if (name === '' || !isSendable(name, 'connect') || !isSendable(value, 'connect'))
      yield `extra header ${JSON.stringify(name)}: empty name or control character`;
  }
}

function* numberFaults(settings: Settings): Iterable<string> {
  const { window, byteBudget, maximumMessageBytes, heartbeatMs, connectTimeoutMs, receiptTimeoutMs, backoff } = settings;
  const { initialMs, maximumMs } = backoff;
  for (const [name, value] of Object.entries({ window, byteBudget, maximumMessageBytes }))
    if (!Number.isSafeInteger(value) || value < 1) yield `${name} ${value}: a positive integer is needed`;
  for (const [name, value] of Object.entries({ connectTimeoutMs, receiptTimeoutMs, initialMs, maximumMs }))
    if (!(value > 0 && value <= LONGEST_MS)) yield `${name} ${value}: out of range`;
  if (!(Number.isInteger(heartbeatMs) && heartbeatMs >= 0 && heartbeatMs <= LONGEST_MS)) yield `heartbeatMs ${heartbeatMs}: out of range`;
}

/** Fills in the defaults. Errors: options-invalid, with all faults in one message. */
export function resolveOptions(options: StompOptions): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const settings: Settings = { ...DEFAULTS, brokers: options.brokers, destination: options.destination, ...given };
  const faults = [...brokerFaults(settings.brokers), ...headerFaults(settings), ...numberFaults(settings)];
  if (faults.length > 0) throw new TransportError('options-invalid', `transport options: ${faults.join('; ')}`);
  return settings;
}
