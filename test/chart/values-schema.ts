import { receiverSettings } from '@ssm/receiver';
import { senderSettings } from '@ssm/sender';
import { describeSettings, type SettingDescription, type SettingFormat, type Settings } from '@ssm/service-kit';
import { alertRules, chartText } from './files.js';

// The parts of values.schema.json that are known elsewhere: the keys of the configuration, and the names of the alerts.

export interface Schema {
  readonly [keyword: string]: unknown;
}

const FORMATS: Readonly<Record<Exclude<SettingFormat, object>, Schema>> = {
  string: { type: 'string' },
  path: { type: 'string' },
  boolean: { type: 'boolean' },
  integer: { type: 'integer' },
  port: { type: 'integer', minimum: 1, maximum: 65_535 },
  duration: { $ref: '#/$defs/duration' },
  bytes: { $ref: '#/$defs/bytes' },
  mode: { $ref: '#/$defs/mode' },
  'string-list': { $ref: '#/$defs/textList' },
};

const closed = (properties: Schema): Schema => ({ type: 'object', additionalProperties: false, properties });

/** A schema of the configuration file of a service: every key, and no other. */
function configSchema(settings: readonly SettingDescription[], prefix = ''): Schema {
  const below = settings.filter(({ key }) => key.startsWith(prefix));
  const names = [...new Set(below.map(({ key }) => key.slice(prefix.length).split('.')[0]!))];
  return closed(
    Object.fromEntries(
      names.map((name) => {
        const leaf = below.find(({ key }) => key === `${prefix}${name}`);
        return [name, leaf === undefined ? configSchema(below, `${prefix}${name}.`) : leafSchema(leaf.format)];
      }),
    ),
  );
}

const leafSchema = (format: SettingFormat): Schema => (typeof format === 'object' ? { enum: format.oneOf } : FORMATS[format]);

/** Settings that are secrets, each to be found in a Secret. */
function secretsSchema(settings: Settings): Schema {
  const secrets = describeSettings(settings).filter(({ secret }) => secret);
  return closed(Object.fromEntries(secrets.map(({ key }) => [key, { $ref: '#/$defs/secret' }])));
}

/** A threshold has an effect where the annotation of that name says which number it replaces. */
const alertSchema = (annotations: Readonly<Record<string, string>>): Schema => ({
  $ref: annotations['threshold'] === undefined ? '#/$defs/alert' : '#/$defs/alertWithThreshold',
});

/** What values.schema.json must be: the hand-written parts as they are, the others made anew. */
export function expectedSchema(): Schema {
  const written = JSON.parse(chartText('values.schema.json')) as Schema & { readonly $defs: Schema };
  return {
    ...written,
    $defs: {
      ...written.$defs,
      senderConfig: configSchema(describeSettings(senderSettings)),
      senderSecrets: secretsSchema(senderSettings),
      receiverConfig: configSchema(describeSettings(receiverSettings)),
      receiverSecrets: secretsSchema(receiverSettings),
      alerts: closed(Object.fromEntries(alertRules().map(({ alert, annotations }) => [alert, alertSchema(annotations)]))),
    },
  };
}
