import { type Asked, askedServices, DEFAULT_URLS } from './asked.js';
import { CONFIG_OPTION, type Command, EXIT, JSON_OPTION } from './command.js';
import { SERVICES } from './config.js';
import { textOf } from './main.js';
import { PATIENCE_MS, readOps, type ServiceState } from './ops.js';
import { ageText, table } from './table.js';
import { say, sayJson, type Terminal } from './terminal.js';

export const statusCommand: Command = {
  name: 'status',
  summary: 'ask running services how they are',
  text: `Without an option it asks every service whose configuration is there (SSM_CONFIG, else the default files, else the environment), and
says of each that does not answer that it does not; of others it shows those that answer at a default address.
Exit code: 0 when every service that was asked is alive and ready, else 1. The sender of an old file need not answer: it may be what cron starts.`,
  options: {
    config: { ...CONFIG_OPTION, doc: 'ask the service at ops.host and ops.port of this configuration' },
    url: {
      type: 'string',
      multiple: true,
      value: 'URL',
      doc: `health and metrics of a service; default ${Object.values(DEFAULT_URLS).join(' and ')}`,
    },
    json: JSON_OPTION,
  },
  examples: [
    { line: 'ssm status', what: 'sender and receiver of this host' },
    { line: 'ssm status --url http://10.0.0.5:9102 --json', what: 'for programs' },
  ],
  run: async (given, terminal) => await showStatus(askedServices(given, terminal), given.has('json'), terminal),
};

/** Resolves with the exit code. */
export async function showStatus(asked: readonly Asked[], asJson: boolean, terminal: Terminal): Promise<number> {
  const answers = await Promise.all(asked.map(answerOf));
  // Who is asked unasked may well not be there.
  const meant = answers.filter(({ state, service, optional }) => state !== undefined || service !== undefined || optional !== true);
  const shown = meant.length === 0 ? answers : meant;
  if (asJson)
    sayJson(
      terminal,
      shown.map(({ url, service, state, error }) => ({ url, service, error: error ?? null, ...state })),
    );
  else for (const answer of shown) say(terminal, answerText(answer, terminal.now()));
  return shown.every(isWell) && shown.some(({ state }) => state !== undefined) ? EXIT.ok : EXIT.failed;
}

interface Answer extends Asked {
  readonly state?: ServiceState;
  /** Why there is none. */
  readonly error?: string;
}

function isWell({ optional, state }: Answer): boolean {
  return state === undefined ? optional === true : state.live && state.ready;
}

async function answerOf(asked: Asked): Promise<Answer> {
  try {
    const state = await readOps(asked.url);
    const isOther = asked.service !== undefined && SERVICES.some((name) => name === state.service && name !== asked.service);
    return isOther ? { ...asked, error: `a ${state.service} answers there` } : { ...asked, state };
  } catch (error) {
    const silence = silenceOf(error);
    return { ...asked, error: silence === undefined ? textOf(error) : `does not answer (${silence}): is it running?` };
  }
}

/** undefined: something answered. */
function silenceOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'TimeoutError') return `nothing came in ${PATIENCE_MS / 1000} s`;
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ECONNREFUSED') return 'connection refused';
  return /^E[A-Z]+$/.test(code) ? textOf(cause) : undefined;
}

function answerText({ error, note, service, state, url }: Answer, now: Date): string {
  if (state !== undefined) return stateText(url, state, now);
  return `${service === undefined ? url : `${service} at ${url}`}: ${error ?? ''}${note === undefined ? '' : ` (${note})`}`;
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
