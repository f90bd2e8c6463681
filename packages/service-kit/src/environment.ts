import { MAX_SECRET_BYTES, readTextFile } from './config-file.js';
import { type SettingDescription, variableOf } from './settings.js';

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

/** Variables that begin with SSM_ and are no setting's; other software may set such ones too, so this is for a warning only. */
export function unknownVariables(env: Env, settings: readonly SettingDescription[]): readonly string[] {
  const known = new Set(settings.flatMap(({ env: name, secret }) => (secret ? [name, `${name}_FILE`] : [name])));
  return Object.keys(env).filter((name) => name.startsWith(variableOf('')) && !known.has(name));
}
