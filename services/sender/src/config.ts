import { amsTopic, type ConfigOf, commonSettings, setting } from '@ssm/service-kit';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const MIB = 1024 * 1024;

const outgoing = {
  path: setting({
    doc: 'Outgoing volume: the queue whose elements are sent.',
    format: 'path',
    default: '/var/spool/apel/outgoing',
    required: true,
  }),
  layout: setting({
    doc: 'dirq: a directory queue (Simple). directory: plain files, the file name is the message id.',
    format: { oneOf: ['dirq', 'directory'] },
    default: 'dirq',
  }),
  scanInterval: setting({
    doc: 'Longest time between two scans of the volume; where file events work it is also scanned when something changed.',
    format: 'duration',
    default: 5 * SECOND,
    minimum: 1,
  }),
  stability: setting({
    doc: 'A plain file is taken when its size and time have been the same for this time.',
    format: 'duration',
    default: 2 * SECOND,
  }),
  lockAge: setting({
    doc: 'Locks of other senders are freed after this time without a touch.',
    format: 'duration',
    default: 600 * SECOND,
    minimum: 1,
  }),
  touchInterval: setting({
    doc: 'Time between two touches of own locks; must be well below lockAge.',
    format: 'duration',
    default: 60 * SECOND,
    minimum: 1,
  }),
  releaseAfter: setting({
    doc: 'Own locks are given back when no broker has been connected for this time.',
    format: 'duration',
    default: 120 * SECOND,
    minimum: 1,
  }),
  purgeInterval: setting({
    doc: 'Time between two removals of stale locks, temporary files and empty directories.',
    format: 'duration',
    default: 5 * MINUTE,
    minimum: 1,
  }),
  quarantine: setting({
    doc: 'Files that can never be sent; must be on the file system of outgoing.path. Empty: outgoing.path/.quarantine.',
    format: 'path',
    default: '',
  }),
  directoryMode: setting({
    doc: 'Mode of directories that are made, whatever the umask; empty: as the umask says.',
    format: 'mode',
    default: undefined,
  }),
  fileMode: setting({
    doc: 'Mode of files that are written, whatever the umask; empty: as the umask says.',
    format: 'mode',
    default: undefined,
  }),
  gid: setting({ doc: 'Group of what is written; empty: left as it is.', format: 'integer', default: undefined, minimum: 0 }),
};

const encryption = {
  recipients: setting({
    doc: 'Certificates (PEM) that messages are encrypted for; empty: signed only.',
    format: 'string-list',
    default: [],
  }),
  cipher: setting({
    doc: 'Content cipher; aes128 (CBC) is what every receiver reads.',
    format: { oneOf: ['aes128', 'aes192', 'aes256', 'aes128-gcm', 'aes192-gcm', 'aes256-gcm'] },
    default: 'aes128',
  }),
  verifyRecipients: setting({
    doc: 'Verify the certificates of the recipients against trust.directory.',
    format: 'boolean',
    default: true,
  }),
};

const common = commonSettings({ opsPort: 9101 });

/** All settings of the sender. */
export const senderSettings = {
  ...common,
  ams: { ...common.ams, topic: amsTopic },
  outgoing,
  encryption,
  message: {
    transferEncoding: setting({
      doc: 'auto: 7bit text where the bytes allow it, else quoted-printable. base64: always, which some receivers cannot read.',
      format: { oneOf: ['auto', 'base64'] },
      default: 'auto',
    }),
    split: setting({
      doc: 'What becomes of an accounting file that is too large: off, quarantine; records, smaller files with some of its records each.',
      format: { oneOf: ['off', 'records'] },
      default: 'off',
    }),
  },
  limits: {
    ...common.limits,
    splitFile: setting({ doc: 'Largest file that is split.', format: 'bytes', default: 64 * MIB, minimum: 1 }),
  },
  once: setting({
    doc: 'Send what is there, then exit: 0 all sent, 1 something failed or was quarantined.',
    format: 'boolean',
    default: false,
  }),
  onceDeadline: setting({
    doc: 'A run with --once ends after this time, whatever is left.',
    format: 'duration',
    default: 10 * MINUTE,
    minimum: 1,
  }),
};

export type SenderConfig = ConfigOf<typeof senderSettings>;
