/** The settings of the ARGO Messaging Service, and what the transport wants of them. */
import { ServiceError } from './errors.js';
import { type ConfigOf, type Setting, setting } from './settings.js';

const SECOND = 1000;
const MAXIMUM_BATCH = 1000;

/** Needed with this transport only. */
const requiredFor = { key: 'transport', value: 'ams' } as const;

export const transport: Setting<'stomp' | 'ams'> = setting({
  doc: 'How messages travel: over the brokers of broker.urls (stomp), or over the ARGO Messaging Service of ams.host (ams).',
  format: { oneOf: ['stomp', 'ams'] },
  default: 'stomp',
});

/** Of both services; each adds its topic or subscription. */
export const amsCommon = {
  host: setting({ doc: 'Host of the messaging service, for example msg.argo.grnet.gr.', format: 'string', default: '', requiredFor }),
  port: setting({ doc: 'Port of the messaging service.', format: 'port', default: 443, minimum: 1 }),
  project: setting({ doc: 'Project at the messaging service.', format: 'string', default: '', requiredFor }),
  token: setting({ doc: 'Token for the messaging service; goes there in a header over TLS.', format: 'string', default: '', secret: true }),
  authentication: setting({
    doc: 'How to get in: by ams.token, or by a token for which identity.certificate is exchanged (x509). auto: token when one is given, else x509.',
    format: { oneOf: ['auto', 'token', 'x509'] },
    default: 'auto',
  }),
  authPort: setting({ doc: 'Port where certificates are exchanged for tokens.', format: 'port', default: 8443, minimum: 1 }),
  batch: setting({ doc: 'Messages in one request.', format: 'integer', default: 20, minimum: 1, maximum: MAXIMUM_BATCH }),
  maximumMessage: setting({
    doc: 'Largest message that the service takes, counted as it is sent: in base64.',
    format: 'bytes',
    default: 1_000_000,
    minimum: 4096,
  }),
  requestTimeout: setting({
    doc: 'Wait for the answer to a request, longer for a large one.',
    format: 'duration',
    default: 30 * SECOND,
    minimum: 1,
  }),
};

/** Of the receiver. */
export const amsConsuming = {
  pollInterval: setting({
    doc: 'Longest pause between two looks at an empty subscription.',
    format: 'duration',
    default: 5 * SECOND,
    minimum: 1,
  }),
  ackDeadline: setting({
    doc: 'Time that the service is told to wait for the acknowledgement of a pull.',
    format: 'duration',
    default: 300 * SECOND,
    minimum: SECOND,
    maximum: 600 * SECOND,
  }),
};

export const amsTopic: Setting<string> = setting({
  doc: 'Topic that messages go to, for example gLite-APEL.',
  format: 'string',
  default: '',
  requiredFor,
});
export const amsSubscription: Setting<string> = setting({
  doc: 'Subscription that messages come from; nobody else may use it.',
  format: 'string',
  default: '',
  requiredFor,
});

/** As the transport knows it. */
export type AmsLogin = { readonly type: 'token'; readonly token: string } | { readonly type: 'x509'; readonly port: number };

/** How to get in. Throws ServiceError config-invalid: a token is wanted, and none is given. */
export function amsLogin({
  authentication,
  token,
  authPort,
}: Pick<ConfigOf<typeof amsCommon>, 'authentication' | 'token' | 'authPort'>): AmsLogin {
  if (authentication === 'x509' || (authentication === 'auto' && token === '')) return { type: 'x509', port: authPort };
  if (token === '') throw new ServiceError('config-invalid', 'ams.token: is required with ams.authentication token; no source gives it');
  return { type: 'token', token };
}
