import { hostname } from 'node:os';
import { amsCommon, transport } from './ams-settings.js';
import { type Setting, setting } from './settings.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const MIB = 1024 * 1024;
const MAXIMUM_PORT = 65_535;

function isBroker(text: string): boolean {
  const [, port] = /^stomp(?:\+ssl)?:\/\/[^/?#@\s]+:(\d+)\/?$/.exec(text) ?? [];
  return Number(port) >= 1 && Number(port) <= MAXIMUM_PORT && URL.canParse(text);
}

const brokerTls = {
  ca: setting({
    doc: "PEM bundle of CAs for the broker's certificate; empty: the anchors of trust.directory.",
    format: 'path',
    default: '',
  }),
  clientCertificate: setting({
    doc: 'Present identity.certificate to the broker in the TLS handshake.',
    format: 'boolean',
    default: true,
  }),
  serverName: setting({ doc: "Name that the broker's certificate must carry; empty: the host of the URL.", format: 'string', default: '' }),
};

const broker = {
  urls: setting({
    doc: 'Brokers, as stomp+ssl://HOST:PORT or stomp://HOST:PORT (no TLS). The sender uses one of them at a time, the receiver all.',
    format: 'string-list',
    default: ['stomp+ssl://localhost:61613'],
    required: true,
    check: (urls) => (urls.every(isBroker) ? undefined : `stomp+ssl://HOST:PORT or stomp://HOST:PORT, PORT from 1 to ${MAXIMUM_PORT}`),
  }),
  destination: setting({
    doc: 'Destination at the broker, for example /queue/accounting.',
    format: 'string',
    default: '',
    requiredFor: { key: 'transport', value: 'stomp' },
  }),
  login: setting({ doc: 'User name at the broker; empty: none is sent.', format: 'string', default: '' }),
  passcode: setting({ doc: 'Password at the broker.', format: 'string', default: '', secret: true }),
  virtualHost: setting({ doc: 'STOMP host header; RabbitMQ takes it as the virtual host.', format: 'string', default: '/' }),
  headers: setting({
    doc: 'Headers, each NAME=VALUE, that are added to SEND (sender) or SUBSCRIBE (receiver).',
    format: 'string-list',
    default: [],
    check: (headers) => (headers.every((header) => /^[^=]+=/.test(header)) ? undefined : 'a list of NAME=VALUE'),
  }),
  tls: brokerTls,
  connectTimeout: setting({ doc: 'Limit for TCP, TLS and CONNECTED together.', format: 'duration', default: 10 * SECOND, minimum: 1 }),
  receiptTimeout: setting({ doc: "Wait for the broker's RECEIPT.", format: 'duration', default: 30 * SECOND, minimum: 1 }),
  heartbeat: setting({
    doc: 'Heart-beat offered each way; a side is dead after twice the negotiated interval. 0: off.',
    format: 'duration',
    default: 10 * SECOND,
  }),
  window: setting({
    doc: 'Unconfirmed SENDs in flight (sender), prefetch (receiver).',
    format: 'integer',
    default: 100,
    minimum: 1,
    maximum: 100_000,
  }),
  byteBudget: setting({ doc: 'Bytes in flight.', format: 'bytes', default: 64 * MIB, minimum: 1 }),
  backoff: {
    initial: setting({
      doc: 'First delay before connecting again; doubles, with full jitter.',
      format: 'duration',
      default: 500,
      minimum: 1,
    }),
    maximum: setting({ doc: 'Longest delay before connecting again.', format: 'duration', default: 30 * SECOND, minimum: 1 }),
  },
};

const identity = {
  certificate: setting({ doc: 'Own certificate, PEM.', format: 'path', default: '/etc/grid-security/hostcert.pem', required: true }),
  key: setting({
    doc: 'Private key of identity.certificate, PEM; others must not be able to read it.',
    format: 'path',
    default: '/etc/grid-security/hostkey.pem',
    required: true,
  }),
};

const trust = {
  directory: setting({
    doc: 'Directory of CA certificates, CRLs and signing policies; nothing else is trusted.',
    format: 'path',
    default: '/etc/grid-security/certificates',
    required: true,
  }),
  crl: setting({
    doc: 'Revocation lists: off, used if present, or required for every CA.',
    format: { oneOf: ['off', 'if-present', 'require'] },
    default: 'if-present',
  }),
  signingPolicy: setting({
    doc: 'Signing policies (HASH.signing_policy): ignored, used if present, or required for every CA.',
    format: { oneOf: ['ignore', 'if-present', 'require'] },
    default: 'if-present',
  }),
  maximumAge: setting({
    doc: 'The trust directory is read again at least so often, changed or not.',
    format: 'duration',
    default: 60 * SECOND,
    minimum: 1,
  }),
  stability: setting({
    doc: 'A changed trust directory is read when it has been quiet for so long.',
    format: 'duration',
    default: 2 * SECOND,
  }),
};

const limits = {
  body: setting({ doc: 'Largest file that is sent or stored, decoded.', format: 'bytes', default: 20 * MIB, minimum: 1 }),
  message: setting({ doc: 'Largest message on the wire.', format: 'bytes', default: 96 * MIB, minimum: 1 }),
};

const log = {
  level: setting({ doc: 'Least severe level that is logged.', format: { oneOf: ['debug', 'info', 'warn', 'error'] }, default: 'info' }),
  format: setting({
    doc: 'JSON lines or text; auto: text on a terminal, else JSON.',
    format: { oneOf: ['auto', 'json', 'text'] },
    default: 'auto',
  }),
  file: setting({ doc: 'File that log lines are appended to; opened again at SIGHUP. Empty: none.', format: 'path', default: '' }),
  console: setting({ doc: 'Write log lines to standard output.', format: 'boolean', default: true }),
};

const shared = {
  instance: setting({
    doc: 'Name of this service over restarts, different from that of any other on the same volume.',
    format: 'string',
    default: hostname(),
    defaultText: 'the host name',
    required: true,
    check: (name) => (/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/.test(name) ? undefined : 'up to 64 letters, digits, dots, - and _'),
  }),
  transport,
  broker,
  ams: amsCommon,
  identity,
  trust,
  limits,
  log,
  pidFile: setting({ doc: 'File that holds the process number while the service runs; empty: none.', format: 'path', default: '' }),
  shutdown: {
    drain: setting({ doc: 'Time for work in flight to end at a stop.', format: 'duration', default: 25 * SECOND, minimum: 1 }),
  },
  liveness: {
    stuckAfter: setting({
      doc: 'Not alive when work waits, resources are there and no stage ended for so long.',
      format: 'duration',
      default: 5 * MINUTE,
      minimum: 1,
    }),
  },
};

export type CommonSettings = typeof shared & { readonly ops: { readonly host: Setting<string>; readonly port: Setting<number> } };

/** What runService itself needs among the settings of a service. */
export type LifecycleSettings = Pick<CommonSettings, 'instance' | 'ops' | 'log' | 'pidFile' | 'shutdown' | 'liveness'>;

/**
 * Settings that both services share; a service spreads them into its own: `{ ...commonSettings({ opsPort: 9101 }), outgoing: {...} }`.
 * Durations are milliseconds, sizes bytes.
 */
export function commonSettings(defaults: { readonly opsPort: number }): CommonSettings {
  return {
    ...shared,
    ops: {
      host: setting({ doc: 'Address for health and metrics.', format: 'string', default: '127.0.0.1', required: true }),
      port: setting({ doc: 'Port for health and metrics; 0: any free one.', format: 'port', default: defaults.opsPort }),
    },
  };
}
