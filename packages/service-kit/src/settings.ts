/**
 * duration: `30s`, `10m`, `7d`, `500ms`, or milliseconds; bytes: `20MiB`, `1GiB`, `5MB`, or a number; both become numbers.
 * mode: octal, `0770`; string-list: comma separated in variables and options, an array in files.
 */
export type SettingFormat =
  | 'string'
  | 'path'
  | 'boolean'
  | 'integer'
  | 'port'
  | 'duration'
  | 'bytes'
  | 'mode'
  | 'string-list'
  | { readonly oneOf: readonly string[] };

/** What a format becomes. */
export type FormatValue<F extends SettingFormat> = F extends { readonly oneOf: readonly (infer U)[] }
  ? U
  : F extends 'string' | 'path'
    ? string
    : F extends 'boolean'
      ? boolean
      : F extends 'string-list'
        ? readonly string[]
        : number;

/** One configuration key: documentation, default and limits live here and nowhere else. */
export interface Setting<T> {
  readonly doc: string;
  /** The value when no source gives one; `undefined` makes the setting optional, and an empty text then means "not set". */
  readonly default: T;
  readonly format: SettingFormat;
  /** How help and documents name a default that depends on the machine. */
  readonly defaultText?: string;
  /** Environment variable; default made from the key: `SSM_BROKER_LOGIN`. Secrets also take `<NAME>_FILE`. */
  readonly env?: string;
  readonly secret?: boolean;
  /** An empty value is a fault; the default is then only a placeholder. */
  readonly required?: boolean;
  /** An empty value is a fault where another setting, one of a choice, has this value. */
  readonly requiredFor?: { readonly key: string; readonly value: string };
  /**
   * Smallest and largest allowed, both included, in the unit of the value (milliseconds, bytes); for numbers only.
   * A duration is at most 24 days unless it has its own maximum, because timers cannot be longer.
   */
  readonly minimum?: number;
  readonly maximum?: number;
  /** Returns what is allowed when the value is not, else undefined. Called for given values, not for the default. */
  check?(value: T): string | undefined;
}

/** Nested: { broker: { urls: Setting<string[]> } }. Keys are lowerCamelCase, joined with dots in documents. */
export type Settings = { readonly [key: string]: Setting<unknown> | Settings };
export type ConfigOf<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : S[K] extends Settings ? ConfigOf<S[K]> : never };

/** The parts of a setting that are not its format and default. */
type SettingOptions<T> = Omit<Setting<T>, 'format' | 'default'>;

/** Declares a setting; the format decides the type: `setting({ doc, format: 'duration', default: 5000 })` is a Setting<number>. */
export function setting<const F extends SettingFormat>(
  spec: { readonly format: F; readonly default: NoInfer<FormatValue<F>> } & SettingOptions<FormatValue<F>>,
): Setting<FormatValue<F>>;
export function setting<const F extends SettingFormat>(
  spec: { readonly format: F; readonly default: undefined } & SettingOptions<FormatValue<F>>,
): Setting<FormatValue<F> | undefined>;
export function setting(spec: Setting<unknown>): Setting<unknown> {
  return spec;
}

/** One line of the reference: what the docs test and `--help` read. */
export interface SettingDescription {
  /** `broker.tls.serverName` */
  readonly key: string;
  /** `SSM_BROKER_TLS_SERVER_NAME` */
  readonly env: string;
  readonly doc: string;
  readonly format: SettingFormat;
  readonly default: unknown;
  readonly defaultText: string | undefined;
  readonly secret: boolean;
  readonly required: boolean;
  readonly requiredFor: Setting<unknown>['requiredFor'];
}

/** A leaf has a doc text; a group may have a child named `format` or `default`, but not a text as `doc`. */
export function isSetting(node: Setting<unknown> | Settings): node is Setting<unknown> {
  const { doc } = node;
  return typeof doc === 'string';
}

/** `broker.tls.serverName` -> `SSM_BROKER_TLS_SERVER_NAME`. */
export function variableOf(key: string): string {
  return `SSM_${key
    .replaceAll('.', '_')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
}

/** Every setting with its dotted key, in the order of declaration. */
export function listSettings(settings: Settings, prefix = ''): readonly (readonly [key: string, setting: Setting<unknown>])[] {
  return Object.entries(settings).flatMap(([name, node]) =>
    isSetting(node) ? [[`${prefix}${name}`, node] as const] : listSettings(node, `${prefix}${name}.`),
  );
}

/** Nested as the settings are, with something else at the leaves. */
export interface Tree<T> {
  readonly [key: string]: T | Tree<T>;
}

/** The same tree with another leaf for each setting; a leaf that is undefined is left out. */
export function mapSettings<T>(settings: Settings, leaf: (key: string, setting: Setting<unknown>) => T | undefined, prefix = ''): Tree<T> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, node]) => {
      const mapped = isSetting(node) ? leaf(`${prefix}${name}`, node) : mapSettings(node, leaf, `${prefix}${name}.`);
      return mapped === undefined ? [] : [[name, mapped]];
    }),
  );
}

/** Flat list of all settings, in the order of declaration. */
export function describeSettings(settings: Settings): readonly SettingDescription[] {
  return listSettings(settings).map(([key, { doc, format, default: value, defaultText, env, secret, required, requiredFor }]) => ({
    key,
    env: env ?? variableOf(key),
    doc,
    format,
    default: value,
    defaultText,
    secret: secret ?? false,
    required: required ?? false,
    requiredFor,
  }));
}
