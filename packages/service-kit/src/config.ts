/** The only importer of convict. */
import { ServiceError } from './errors.js';
import type { ConfigOf, Settings } from './settings.js';

/** Where values come from, in increasing weight. */
export interface ConfigSources {
  /** Path of a JSON or YAML file; absent: none. */
  readonly file?: string;
  /** Text of a file that was read elsewhere, instead of reading `file`. */
  readonly fileText?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--broker.login=x`, `--broker.login x`, `--once`, `--no-once`. */
  readonly args: readonly string[];
}

/**
 * Reads all sources and checks them against the settings.
 * Throws ServiceError `config-unreadable` (file), `config-invalid` with every fault in one message.
 */
export function loadConfig<const S extends Settings>(_settings: S, _sources: ConfigSources): ConfigOf<S> {
  throw new ServiceError('config-invalid', 'not built');
}
