import { amsConsuming, amsSubscription, type ConfigOf, commonSettings, ServiceError, setting } from '@ssm/service-kit';

const SECOND = 1000;
const DAY = 24 * 60 * 60 * SECOND;
/** Ages are compared, not waited for, so they may be longer than a timer can be. */
const LONGEST_AGE_MS = 3650 * DAY;
const MIB = 1024 * 1024;

const incoming = {
  path: setting({
    doc: 'Queue of verified messages (dirq Normal), which the loader empties.',
    format: 'path',
    default: '/var/spool/apel/incoming',
    required: true,
  }),
  reserve: setting({ doc: 'Free space below which nothing more is taken from the broker.', format: 'bytes', default: 64 * MIB }),
  depthInterval: setting({
    doc: 'How often the elements of incoming are counted for the metrics; 0: never.',
    format: 'duration',
    default: 60 * SECOND,
  }),
  directoryMode: setting({ doc: 'Octal mode of the directories written; empty: as the umask says.', format: 'mode', default: undefined }),
  fileMode: setting({ doc: 'Octal mode of the files written; empty: as the umask says.', format: 'mode', default: undefined }),
  gid: setting({ doc: 'Group number of what is written; empty: as the system says.', format: 'integer', default: undefined, minimum: 0 }),
};

const reject = {
  path: setting({
    doc: 'Queue of refused messages (dirq Normal), each with its reason.',
    format: 'path',
    default: '/var/spool/apel/reject',
    required: true,
  }),
  maximumBytes: setting({
    doc: 'Bytes that the reject queue may hold; beyond, only reason and SHA-256 of a message are kept.',
    format: 'bytes',
    default: 1024 * MIB,
  }),
  maximumCount: setting({
    doc: 'Messages that the reject queue may hold; beyond, only reason and SHA-256 of a message are kept.',
    format: 'integer',
    default: 100_000,
    minimum: 0,
  }),
};

const deduplication = {
  window: setting({
    doc: 'How long a delivered message is remembered.',
    format: 'duration',
    default: 7 * DAY,
    minimum: 60 * SECOND,
    maximum: LONGEST_AGE_MS,
  }),
  path: setting({
    doc: 'Directory of the delivery record, on the file system of incoming; empty: .delivered in incoming.path.',
    format: 'path',
    default: '',
  }),
  server: setting({
    doc: 'Redis or Valkey through which receivers with a volume each share their record, rediss://HOST:PORT; empty: not shared.',
    format: 'string',
    default: '',
    check: (text) => (text === '' || isServerUrl(text) ? undefined : 'rediss://HOST[:PORT][/DATABASE], or redis:// without TLS'),
  }),
  username: setting({ doc: 'User name at that server; empty: none.', format: 'string', default: '' }),
  passcode: setting({ doc: 'Password at that server.', format: 'string', default: '', secret: true }),
  ca: setting({
    doc: "PEM bundle of the CAs of that server's certificate; empty: the trust anchors of trust.directory.",
    format: 'path',
    default: '',
  }),
  clientCertificate: setting({ doc: 'Presents identity.certificate to that server.', format: 'boolean', default: true }),
  prefix: setting({
    doc: 'What the keys at that server begin with: the same for all receivers of one queue, another for others.',
    format: 'string',
    default: 'ssm',
    check: (text) => (/^[\w.:{}-]{1,64}$/.test(text) ? undefined : '1 to 64 letters, digits and . : _ - { }'),
  }),
  timeout: setting({
    doc: 'Limit for a connection to that server, and for each answer.',
    format: 'duration',
    default: 5 * SECOND,
    minimum: 10,
    maximum: 60 * SECOND,
  }),
  holdLimit: setting({
    doc: 'How long a message waits for another volume that has it half-way, before nothing more is consumed.',
    format: 'duration',
    default: 120 * SECOND,
    minimum: SECOND,
    maximum: 30 * 60 * SECOND,
  }),
};

function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (
    /^rediss?:$/.test(url.protocol) &&
    url.hostname !== '' &&
    [url.username, url.password, url.search, url.hash].every((part) => part === '') &&
    /^(?:\/\d{0,4})?$/.test(url.pathname)
  );
}

const common = commonSettings({ opsPort: 9102 });

export const receiverSettings = {
  ...common,
  ams: { ...common.ams, subscription: amsSubscription, ...amsConsuming },
  incoming,
  reject,
  authorisation: {
    allow: setting({
      doc: 'List of the DNs that may send, one a line; read again when it changes.',
      format: 'path',
      default: '/etc/apel/dns',
      required: true,
    }),
    deny: setting({ doc: 'List of DNs that may not send, whatever the other list says; empty: none.', format: 'path', default: '' }),
  },
  decryption: {
    identities: setting({
      doc: 'Earlier identities, each CERTIFICATE:KEY, with which messages can still be decrypted after a renewal.',
      format: 'string-list',
      default: [],
      check: (pairs) => (pairs.every((pair) => /^[^:]+:[^:]+$/.test(pair)) ? undefined : 'a list of CERTIFICATE:KEY'),
    }),
  },
  deduplication,
  verification: {
    maximumAge: setting({
      doc: 'Refuses messages that were signed longer ago; 0: whatever their age.',
      format: 'duration',
      default: 0,
      maximum: LONGEST_AGE_MS,
    }),
    tripleDes: setting({ doc: 'Reads messages encrypted with 3DES.', format: 'boolean', default: false }),
    emailProtection: setting({
      doc: "Asks for the purpose emailProtection in the signer's certificate.",
      format: 'boolean',
      default: false,
    }),
    utf8: setting({ doc: 'Refuses files that are not UTF-8 text.', format: 'boolean', default: false }),
  },
  metrics: {
    signers: setting({ doc: 'Shows the time of the last message of each listed signer.', format: 'boolean', default: true }),
    maximumSigners: setting({ doc: 'Signers that are shown at most.', format: 'integer', default: 1000, minimum: 0 }),
  },
  window: setting({ doc: 'Messages worked on at once.', format: 'integer', default: 100, minimum: 1, maximum: 1000 }),
};

export type ReceiverConfig = ConfigOf<typeof receiverSettings>;

/** Faults that only two values together show. Throws ServiceError config-invalid. */
export function checkConfig(config: ReceiverConfig): void {
  if (config.incoming.path === config.reject.path)
    throw new ServiceError('config-invalid', 'incoming.path and reject.path are the same directory: a loader would load what was refused');
}
