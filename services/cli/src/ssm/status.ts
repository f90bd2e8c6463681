import { CONFIG_OPTION, type Command, EXIT, JSON_OPTION, UsageError } from './command.js';
import { loadGiven } from './config.js';
import { textOf } from './main.js';
import { readOps, type ServiceState } from './ops.js';
import { ageText, table } from './table.js';
import { say, sayJson } from './terminal.js';

const DEFAULT_URLS = ['http://127.0.0.1:9101', 'http://127.0.0.1:9102'];

export const statusCommand: Command = {
  name: 'status',
  summary: 'ask running services how they are',
  text: 'Exit code: 0 when every service that was asked is alive and ready, else 1.',
  options: {
    config: { ...CONFIG_OPTION, doc: 'ask the service at ops.host and ops.port of this configuration' },
    url: { type: 'string', multiple: true, value: 'URL', doc: `health and metrics of a service; default ${DEFAULT_URLS.join(' and ')}` },
    json: JSON_OPTION,
  },
  examples: [
    { line: 'ssm status', what: 'sender and receiver of this host' },
    { line: 'ssm status --url http://10.0.0.5:9102 --json', what: 'for programs' },
  ],
  run: async (given, terminal) => {
    const states = await Promise.all(urlsOf().map(async (url) => await stateOf(url)));
    // Of the two that are asked unasked one may well not be there.
    const asked = given.has('url') || given.has('config');
    const shown = asked || states.every(({ state }) => state === undefined) ? states : states.filter(({ state }) => state !== undefined);
    if (given.has('json'))
      sayJson(
        terminal,
        shown.map(({ url, state, error }) => ({ url, error: error ?? null, ...state })),
      );
    else
      for (const { url, state, error } of shown)
        say(terminal, state === undefined ? `${url}: ${error}` : stateText(url, state, terminal.now()));
    return shown.every(({ state }) => state?.live === true && state.ready) ? EXIT.ok : EXIT.failed;

    function urlsOf(): readonly string[] {
      if (given.has('url')) return given.texts('url').map(checkedUrl);
      if (!given.has('config')) return DEFAULT_URLS;
      const { config, isClassic, service } = loadGiven(given, terminal);
      const { host, port } = config.ops;
      if (port === 0 && isClassic && service === 'sender')
        throw new UsageError(
          `a run of ssmsend that ends when all is sent has no health page to ask; of one that stays (--no-once) give its --url, of ssm-sender.service ${DEFAULT_URLS[0]}`,
        );
      if (port === 0) throw new UsageError('ops.port is 0, any free one: give --url');
      return [`http://${askedAt(host)}:${port}`];
    }
  },
};

/** Where a service of this host is asked that listens at `host`: every address includes one that is there, with IPv6 or without. */
function askedAt(host: string): string {
  if (host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function checkedUrl(text: string): string {
  if (!/^https?:\/\/[^/?#@\s]+\/?$/.test(text)) throw new UsageError(`--url: ${JSON.stringify(text)} is not http://HOST:PORT`);
  return text.replace(/\/$/, '');
}

async function stateOf(url: string): Promise<{ readonly url: string; readonly state?: ServiceState; readonly error?: string }> {
  try {
    return { url, state: await readOps(url) };
  } catch (error) {
    return { url, error: textOf(error) };
  }
}

function stateText(url: string, { components, live, metrics, ready, reason, service, version }: ServiceState, now: Date): string {
  const head = `${service} ${version} at ${url}: ${live ? 'alive' : `NOT ALIVE (${reason})`}, ${ready ? 'ready' : 'NOT READY'}`;
  const parts = Object.entries(components).map(([name, state]) => [`  ${name}`, state.ready ? 'ok' : 'NOT READY', state.reason ?? '']);
  const figures = metrics.flatMap(({ name, labels, value }) => figureOf(name, labels, value, now));
  return [head, table(['  COMPONENT', 'STATE', ''], parts), table(['  FIGURE', ''], figures)].join('\n');
}

const TIMES = /_timestamp_seconds$/;
const SHOWN: Readonly<Record<string, string>> = {
  ssm_messages_total: 'messages',
  ssm_rejected_messages_total: 'rejected',
  ssm_quarantined_messages_total: 'quarantined',
  ssm_queue_elements: 'queue',
  ssm_in_flight_messages: 'in flight',
  ssm_broker_connected: 'broker connected',
  ssm_last_success_timestamp_seconds: 'last success',
  ssm_certificate_not_after_timestamp_seconds: 'certificate ends',
  ssm_reload_failed: 'reload failed',
  ssm_process_resident_memory_bytes: 'memory, bytes',
};

function figureOf(name: string, labels: string, value: number, now: Date): string[][] {
  const shown = SHOWN[name];
  if (shown === undefined || (name === 'ssm_reload_failed' && value === 0)) return [];
  return [[`  ${shown}${labels === '' ? '' : ` ${labels}`}`, TIMES.test(name) ? timeText(value, now) : String(value)]];
}

function timeText(seconds: number, now: Date): string {
  if (seconds === 0) return 'never';
  const distance = seconds * 1000 - now.getTime();
  return distance < 0 ? `${ageText(-distance)} ago` : `in ${ageText(distance)}`;
}
