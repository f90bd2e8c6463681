/** Which services `ssm status` asks, and where. */
import { ServiceError } from '@ssm/service-kit';
import type { ServiceName } from '../classic/keys.js';
import { type Given, UsageError } from './command.js';
import { configuredServices, DEFAULT_FILES, type Loaded, loadFor, loadGiven } from './config.js';
import type { Terminal } from './terminal.js';

export interface Asked {
  readonly url: string;
  /** Whose configuration there is. */
  readonly service?: ServiceName;
  /** All is well without its answer. */
  readonly optional?: boolean;
  /** What is to be known where it does not answer. */
  readonly note?: string;
}

export const DEFAULT_URLS: Readonly<Record<ServiceName, string>> = { sender: 'http://127.0.0.1:9101', receiver: 'http://127.0.0.1:9102' };

const NO_PAGE = 'a run of ssmsend that ends when all is sent has no health page to ask';
const ANY_PORT = 'ops.port is 0, any free one: give --url';

/** Throws UsageError, and ServiceError where the configuration of -c cannot be used. */
export function askedServices(given: Given, terminal: Terminal): readonly Asked[] {
  if (given.has('url')) return given.texts('url').map((url) => ({ url: checkedUrl(url) }));
  if (!given.has('config')) return askedUnasked(given, terminal);
  const loaded = loadGiven(given, terminal);
  const url = urlOf(loaded);
  if (url !== undefined) return [{ url, service: loaded.service }];
  throw new UsageError(
    isRun(loaded) ? `${NO_PAGE}; of one that stays (--no-once) give its --url, of ssm-sender.service ${DEFAULT_URLS.sender}` : ANY_PORT,
  );
}

/** Every service whose configuration is there, and who else may be at a default address. Throws ServiceError for a file of SSM_CONFIG. */
export function askedUnasked(given: Given, terminal: Terminal, files = DEFAULT_FILES): readonly Asked[] {
  const configured = [...configuredServices(given, terminal, files)].map(([service, file]) => askedOf(service, file, given, terminal));
  const others = Object.values(DEFAULT_URLS).filter((url) => !configured.some((each) => each.url === url));
  return [...configured, ...others.map((url) => ({ url, optional: true }))];
}

/** Whoever may not read the configuration may still ask the service. */
function askedOf(service: ServiceName, file: string | undefined, given: Given, terminal: Terminal): Asked {
  const byDefault = { url: DEFAULT_URLS[service], service };
  try {
    const loaded = loadFor(file, service, given, terminal);
    const url = urlOf(loaded);
    if (url !== undefined) return { url, service };
    return isRun(loaded) ? { ...byDefault, optional: true, note: NO_PAGE } : { ...byDefault, note: ANY_PORT };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return { ...byDefault, note: `its configuration cannot be used: ssm check${file === undefined ? '' : ` -c ${file}`}` };
  }
}

/** undefined: at a port that only the service knows, or none. */
function urlOf({ config }: Loaded): string | undefined {
  const { host, port } = config.ops;
  return port === 0 ? undefined : `http://${askedAt(host)}:${port}`;
}

/** The sender of an old file may be what cron starts. */
function isRun({ isClassic, service }: Loaded): boolean {
  return isClassic && service === 'sender';
}

/** Where a service of this host is asked that listens at `host`: every address includes one that is there, with IPv6 or without. */
function askedAt(host: string): string {
  if (host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function checkedUrl(text: string): string {
  if (!/^https?:\/\/[^/?#@\s]+\/?$/.test(text)) throw new UsageError(`--url: ${JSON.stringify(text)} is not http://HOST:PORT`);
  return text.replace(/\/$/, '');
}
