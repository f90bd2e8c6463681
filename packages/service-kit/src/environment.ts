import { closest } from './closest.js';
import { MAX_SECRET_BYTES, readTextFile } from './config-file.js';
import type { SettingDescription } from './settings.js';

/** Names the configuration file when no option does. */
export const CONFIG_VARIABLE = 'SSM_CONFIG';

type Env = Readonly<Record<string, string | undefined>>;

/** One variable that is set: the text it gives, the name under which it was found, or what is wrong. */
export interface FromEnvironment {
  readonly key: string;
  readonly source: string;
  readonly text?: string;
  readonly fault?: string;
}

/** What the environment says about the settings; secrets also by `<NAME>_FILE`, a file of which one trailing newline is dropped. */
export function readEnvironment(env: Env, settings: readonly SettingDescription[]): readonly FromEnvironment[] {
  return settings.flatMap(({ key, env: name, secret }) => {
    const text = env[name];
    const file = secret ? env[`${name}_FILE`] : undefined;
    if (file === undefined || file === '') return text === undefined ? [] : [{ key, source: `variable ${name}`, text }];
    const source = `variable ${name}_FILE`;
    if (text !== undefined) return [{ key, source, fault: `${name} is set as well; one of the two` }];
    return [{ key, source, ...readSecret(file) }];
  });
}

function readSecret(file: string): { readonly text: string } | { readonly fault: string } {
  try {
    return { text: readTextFile(file, MAX_SECRET_BYTES).replace(/\r?\n$/, '') };
  } catch (error) {
    return { fault: `cannot read ${JSON.stringify(file)}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Groups that only one of the services has: both may have one environment. */
const GROUPS_OF_ONE: ReadonlySet<string> = new Set(['DECRYPTION', 'ENCRYPTION', 'INCOMING', 'OUTGOING']);
/** Of groups that both have, settings of only one; and variables of docker-compose.yml and of scripts. */
const OTHERS: ReadonlySet<string> = new Set([
  CONFIG_VARIABLE,
  'SSM_AMS_ACK_DEADLINE',
  'SSM_AMS_POLL_INTERVAL',
  'SSM_AMS_SUBSCRIPTION',
  'SSM_AMS_TOPIC',
  'SSM_BROKERS_DIR',
  'SSM_BROKER_PORT',
  'SSM_LIMITS_SPLIT_FILE',
]);

/** What Kubernetes tells every container of a Service whose name begins with ssm. */
const OF_KUBERNETES = /_(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;
const ADDRESS_OF_KUBERNETES = /^(?:tcp|udp|sctp):\/\//;

/**
 * Variables that begin with SSM_, are no setting's, and look like one that was meant: by the whole name, or by the group in it, and then
 * all of the group may be meant. Of all others nothing is said: other software may set SSM_ variables too.
 */
export function suspectVariables(
  env: Env,
  settings: readonly SettingDescription[],
): readonly { readonly variable: string; readonly meant: string }[] {
  const known = settings.flatMap(({ env: name, secret }) => (secret ? [name, `${name}_FILE`] : [name]));
  const groups = settings.flatMap(({ env: name, key }) => (key.includes('.') ? (groupOf(name) ?? []) : []));
  return Object.entries(env).flatMap(([variable, value = '']) => {
    if (!variable.startsWith('SSM_') || known.includes(variable) || isSetByOthers(variable, value)) return [];
    const written = groupOf(variable) ?? '';
    if (GROUPS_OF_ONE.has(written) && !groups.includes(written)) return [];
    const group = closest(written, groups);
    const meant = closest(variable, known) ?? (group === undefined ? undefined : `SSM_${group}_...`);
    return meant === undefined ? [] : [{ variable, meant }];
  });
}

function isSetByOthers(variable: string, value: string): boolean {
  return OTHERS.has(variable) || OF_KUBERNETES.test(variable) || ADDRESS_OF_KUBERNETES.test(value);
}

/** `BROKER` of `SSM_BROKER_URLS` */
function groupOf(variable: string): string | undefined {
  return /^SSM_([A-Z0-9]+)_./.exec(variable)?.[1];
}
