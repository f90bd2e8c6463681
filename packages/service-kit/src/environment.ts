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

/** Variables that begin with SSM_, are no setting's, and look like one that was meant: other software may set SSM_ variables too. */
export function suspectVariables(
  env: Env,
  settings: readonly SettingDescription[],
): readonly { readonly variable: string; readonly meant: string }[] {
  const known = settings.flatMap(({ env: name, secret }) => (secret ? [name, `${name}_FILE`] : [name]));
  const unknown = Object.keys(env).filter((name) => name.startsWith('SSM_') && name !== CONFIG_VARIABLE && !known.includes(name));
  return unknown.flatMap((variable) => {
    const meant = closest(variable, known);
    return meant === undefined ? [] : [{ variable, meant }];
  });
}
