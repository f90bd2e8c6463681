import { TransportError } from '../errors.js';
import { hostAndPort } from '../host-and-port.js';
import type { AmsAuthentication, AmsOptions, AmsPublisherOptions, AmsSubscriberOptions } from './options.js';

const MiB = 1024 * 1024;
/** The longest time that a timer takes. */
const LONGEST_MS = 2 ** 31 - 1;
/** AMS waits no longer for an acknowledgement. */
const LONGEST_DEADLINE_SECONDS = 600;

export const DEFAULT_AUTH_PORT = 8443;

const DEFAULTS = {
  port: 443,
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  batch: 20,
  serverLimitBytes: 1_000_000,
  maximumMessageBytes: 96 * MiB,
  byteBudget: 64 * MiB,
  backoff: { initialMs: 500, maximumMs: 30_000 },
  random: Math.random,
} as const;

const SUBSCRIBER_DEFAULTS = { ackDeadlineSeconds: 300, pollIntervalMs: 5000, lagIntervalMs: 60_000 } as const;

/** Options checked and complete. */
export type AmsSettings = Required<AmsOptions>;
export type PublisherSettings = Required<AmsPublisherOptions>;
export type SubscriberSettings = Required<Omit<AmsSubscriberOptions, 'missingId'>> & Pick<AmsSubscriberOptions, 'missingId'>;

const NAME = /^[A-Za-z0-9._-]{1,255}$/;
/** What a header can carry. */
const TOKEN = /^[\x21-\x7e]{1,4096}$/;
/** A host that can stand in a URL as it is. */
const HOST = /^[A-Za-z0-9.-]+$|^[0-9A-Fa-f:.]+$/;

export function serverName({ host, port }: Pick<AmsSettings, 'host' | 'port'>): string {
  return hostAndPort(host, port);
}

function* commonFaults(settings: AmsSettings): Iterable<string> {
  const { batch, serverLimitBytes, maximumMessageBytes, byteBudget, connectTimeoutMs, requestTimeoutMs, backoff } = settings;
  yield* placeFaults(settings);
  yield* authenticationFaults(settings.authentication);
  for (const [name, value] of Object.entries({ batch, serverLimitBytes, maximumMessageBytes, byteBudget }))
    if (!Number.isSafeInteger(value) || value < 1) yield `${name} ${value}: a positive integer is needed`;
  yield* timeFaults({ connectTimeoutMs, requestTimeoutMs, ...backoff });
}

function* placeFaults({ host, port, project }: AmsSettings): Iterable<string> {
  if (!HOST.test(host)) yield `host ${JSON.stringify(host)}`;
  if (!isPort(port)) yield `port ${port}`;
  if (!NAME.test(project)) yield `project ${JSON.stringify(project)}`;
}

function* authenticationFaults(authentication: AmsAuthentication): Iterable<string> {
  if (authentication.type === 'token') {
    if (!TOKEN.test(authentication.token)) yield 'token: empty, or it holds what no header can carry';
    return;
  }
  const { port = DEFAULT_AUTH_PORT } = authentication;
  if (!isPort(port)) yield `port ${port}`;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function* timeFaults(times: Readonly<Record<string, number>>): Iterable<string> {
  for (const [name, value] of Object.entries(times)) if (!(value > 0 && value <= LONGEST_MS)) yield `${name} ${value}: out of range`;
}

function given<T extends object>(options: T): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is left out has a default
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

function refuse(faults: readonly string[]): void {
  if (faults.length > 0) throw new TransportError('options-invalid', `transport options: ${faults.join('; ')}`);
}

/** Errors: options-invalid, with all faults in one message; the token is in none of them. */
export function publisherSettings(options: AmsPublisherOptions): PublisherSettings {
  const settings: PublisherSettings = { ...DEFAULTS, ...given(options) };
  const { topic } = settings;
  refuse([...commonFaults(settings), ...(NAME.test(topic) ? [] : [`topic ${JSON.stringify(topic)}`])]);
  return settings;
}

/** Errors: options-invalid, with all faults in one message; the token is in none of them. */
export function subscriberSettings(options: AmsSubscriberOptions): SubscriberSettings {
  const settings: SubscriberSettings = { ...DEFAULTS, ...SUBSCRIBER_DEFAULTS, ...given(options) };
  const { subscription, ackDeadlineSeconds, pollIntervalMs, lagIntervalMs } = settings;
  const isDeadline = Number.isInteger(ackDeadlineSeconds) && ackDeadlineSeconds >= 1 && ackDeadlineSeconds <= LONGEST_DEADLINE_SECONDS;
  refuse([
    ...commonFaults(settings),
    ...timeFaults({ pollIntervalMs, lagIntervalMs }),
    ...(NAME.test(subscription) ? [] : [`subscription ${JSON.stringify(subscription)}`]),
    ...(isDeadline ? [] : [`ackDeadlineSeconds ${ackDeadlineSeconds}: 1 to ${LONGEST_DEADLINE_SECONDS} is needed`]),
  ]);
  return settings;
}
