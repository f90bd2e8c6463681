import { formatValue } from './formats.js';
import { listSettings, type Setting, type Settings } from './settings.js';

/** The values of all secrets that are set: the log blanks them. */
export function secretValues(settings: Settings, config: object): readonly string[] {
  return listSettings(settings)
    .filter(([, { secret }]) => secret === true)
    .map(([key]) => valueAt(config, key))
    .filter((value): value is string => typeof value === 'string' && value !== '');
}

/** What differs from the defaults, as text; of a secret only that it is set. */
export function changedSettings(settings: Settings, config: object): Readonly<Record<string, string>> {
  return Object.fromEntries(
    listSettings(settings)
      .map(([key, setting]) => ({ key, setting, text: formatValue(setting.format, valueAt(config, key)) }))
      .filter(({ setting, text }) => text !== formatValue(setting.format, setting.default))
      .map(({ key, setting, text }) => [key, shown(setting, text)]),
  );
}

function shown({ secret }: Setting<unknown>, text: string): string {
  return secret === true ? '(set)' : text;
}

function valueAt(config: object, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>((group, part) => (typeof group === 'object' && group !== null ? Reflect.get(group, part) : undefined), config);
}
