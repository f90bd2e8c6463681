/** The keys of the configuration files that the Python SSM reads, and what each becomes here. */

export type ServiceName = 'sender' | 'receiver';

/** How the text of an old value becomes that of a new one; undefined: it is not allowed. */
export interface Conversion {
  readonly allowed: string;
  readonly convert: (text: string) => string | readonly string[] | undefined;
}

export interface ClassicKey {
  readonly section: string;
  readonly key: string;
  /** New keys by service; a service that is not named does not use the key. */
  readonly becomes: Readonly<Partial<Record<ServiceName, readonly string[]>>>;
  /** Where one old value becomes the value of each new key; absent: see classic/broker.ts. */
  readonly conversion?: Conversion;
}

const TRUE: ReadonlySet<string> = new Set(['1', 'yes', 'true', 'on']);
const FALSE: ReadonlySet<string> = new Set(['0', 'no', 'false', 'off']);

/** As Python's getboolean; undefined: neither. */
export function booleanOf(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (TRUE.has(word)) return true;
  return FALSE.has(word) ? false : undefined;
}

export const BOOLEANS = 'true or false (also yes, no, on, off, 1, 0)';

function oneOf(values: Readonly<Record<string, string>>): Conversion {
  return {
    allowed: `one of ${Object.keys(values).join(', ')}`,
    convert: (text) => (Object.hasOwn(values, text) ? values[text] : undefined),
  };
}

function boolean(yes: string, no: string): Conversion {
  const word = (value: boolean): string => (value ? yes : no);
  return {
    allowed: BOOLEANS,
    convert: (text) => {
      const value = booleanOf(text);
      return value === undefined ? undefined : word(value);
    },
  };
}

const notEmpty = (what: string): Conversion => ({ allowed: what, convert: (text) => (text === '' ? undefined : text) });
const text: Conversion = { allowed: 'a text', convert: (value) => value };
const PEM = notEmpty('the path of a PEM file');
const both = (...keys: readonly string[]): ClassicKey['becomes'] => ({ sender: keys, receiver: keys });

export const CLASSIC_KEYS: readonly ClassicKey[] = [
  { section: 'sender', key: 'protocol', becomes: both('transport') },
  { section: 'receiver', key: 'protocol', becomes: both('transport') },
  { section: 'broker', key: 'host', becomes: both('broker.urls', 'ams.host') },
  { section: 'broker', key: 'port', becomes: both('broker.urls') },
  { section: 'broker', key: 'use_ssl', becomes: both('broker.urls') },
  { section: 'broker', key: 'bdii', becomes: {} },
  { section: 'broker', key: 'network', becomes: {} },
  { section: 'certificates', key: 'certificate', becomes: both('identity.certificate'), conversion: PEM },
  { section: 'certificates', key: 'key', becomes: both('identity.key'), conversion: PEM },
  { section: 'certificates', key: 'capath', becomes: both('trust.directory'), conversion: notEmpty('the path of a directory') },
  { section: 'certificates', key: 'check_crls', becomes: { receiver: ['trust.crl'] }, conversion: boolean('require', 'off') },
  {
    section: 'certificates',
    key: 'server_cert',
    becomes: { sender: ['encryption.recipients'] },
    conversion: {
      allowed: 'the path of a PEM file; leave the key out to sign only',
      convert: (value) => (value === '' ? undefined : [value]),
    },
  },
  {
    section: 'certificates',
    key: 'verify_server_cert',
    becomes: { sender: ['encryption.verifyRecipients'] },
    conversion: boolean('true', 'false'),
  },
  {
    section: 'messaging',
    key: 'destination',
    becomes: { sender: ['broker.destination', 'ams.topic'], receiver: ['broker.destination', 'ams.subscription'] },
  },
  { section: 'messaging', key: 'path', becomes: { sender: ['outgoing.path'], receiver: ['incoming.path', 'reject.path'] } },
  {
    section: 'messaging',
    key: 'path_type',
    becomes: { sender: ['outgoing.layout'] },
    conversion: oneOf({ dirq: 'dirq', directory: 'directory' }),
  },
  { section: 'messaging', key: 'ams_project', becomes: both('ams.project'), conversion: text },
  { section: 'messaging', key: 'token', becomes: both('ams.token'), conversion: text },
  { section: 'logging', key: 'logfile', becomes: both('log.file'), conversion: text },
  {
    section: 'logging',
    key: 'level',
    becomes: both('log.level'),
    conversion: oneOf({ DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error', CRITICAL: 'error' }),
  },
  { section: 'logging', key: 'console', becomes: both('log.console'), conversion: boolean('true', 'false') },
  { section: 'daemon', key: 'pidfile', becomes: { receiver: ['pidFile'] }, conversion: text },
];

export const CLASSIC_SECTIONS: readonly string[] = [...new Set(CLASSIC_KEYS.map(({ section }) => section))];
