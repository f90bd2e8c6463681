import { formatValue } from './formats.js';
import { describeSettings, type SettingDescription, type SettingFormat, type Settings } from './settings.js';

const VALUE_NAMES: Readonly<Record<Extract<SettingFormat, string>, string>> = {
  string: 'TEXT',
  path: 'PATH',
  boolean: 'true|false',
  integer: 'NUMBER',
  port: 'PORT',
  duration: 'DURATION',
  bytes: 'SIZE',
  mode: 'MODE',
  'string-list': 'LIST',
};

/** The text of `--help`: use, settings with their defaults and variables, formats, exit codes. */
export function renderHelp(service: { readonly name: string; readonly version: string }, settings: Settings): string {
  return `ssm ${service.name} ${service.version}

Use: ${service.name} [--config FILE] [--KEY=VALUE ...]

  --config FILE    JSON or YAML file with settings; or the variable SSM_CONFIG
  --help           this text
  --version        the version

Every setting is a key of the file (nested at the dots), an environment variable and an option; the option weighs most, the file
least. Unknown keys and options are faults. A switch may be written --KEY and --no-KEY. A secret may also come from the file that
the variable with _FILE at its end names; options can be seen by every user of the machine.

  DURATION  500ms, 30s, 10m, 12h, 7d         SIZE  64KiB, 20MiB, 1GiB, 5MB
  MODE      octal with leading zero, 0750    LIST  texts with commas between them; an array in the file

${describeSettings(settings).map(describe).join('\n')}
Exit code: 0 done or stopped in order; 1 failed; 2 configuration; 3 the stop took longer than shutdown.drain.
`;
}

function describe(setting: SettingDescription): string {
  const { key, env, doc, format, secret } = setting;
  const value = typeof format === 'object' ? format.oneOf.join('|') : VALUE_NAMES[format];
  return `  --${key}=${value}\n      ${doc}\n      ${defaultText(setting)}${env}${secret ? ` or ${env}_FILE` : ''}\n`;
}

function defaultText({ format, default: value, defaultText: named, required, requiredFor }: SettingDescription): string {
  const text = named ?? formatValue(format, value);
  if (text !== '') return `Default ${text}; `;
  if (requiredFor !== undefined) return `Required with --${requiredFor.key}=${requiredFor.value}; `;
  return required ? 'Required; ' : '';
}
