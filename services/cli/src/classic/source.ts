/** Which kind of configuration a file holds, and what it says. */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Preset, ServiceError } from '@ssm/service-kit';
import { readIni } from '../ini/read.js';
import type { ServiceName } from './keys.js';
import { mapClassic } from './map.js';

const MAXIMUM_BYTES = 1024 * 1024;
const BY_EXTENSION: Readonly<Record<string, 'ini' | 'yaml'>> = {
  '.cfg': 'ini',
  '.conf': 'ini',
  '.ini': 'ini',
  '.json': 'yaml',
  '.yaml': 'yaml',
  '.yml': 'yaml',
};

/** By the extension where it says so; else by the first line that is no comment: one of an INI file begins with `[`. */
export function kindOf(file: string, bytes: Uint8Array): 'ini' | 'yaml' {
  const known = BY_EXTENSION[path.extname(file).toLowerCase()];
  if (known !== undefined) return known;
  const first = Buffer.from(bytes)
    .toString('latin1')
    .split(/[\r\n]+/)
    .map((line) => line.replace(/^\xef\xbb\xbf/, '').trim())
    .find((line) => line !== '' && !/^[#;]/.test(line));
  return first?.startsWith('[') === true ? 'ini' : 'yaml';
}

/** Throws ServiceError `config-unreadable`. */
export function readConfigFile(file: string): Buffer {
  try {
    if (statSync(file).size > MAXIMUM_BYTES) throw new RangeError(`larger than ${MAXIMUM_BYTES} bytes`);
    return readFileSync(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceError('config-unreadable', `Cannot read the configuration file ${JSON.stringify(file)}: ${reason}`, { cause });
  }
}

export interface ConfigFileRead {
  /** What an INI file says; undefined: the file is one of ours. */
  readonly preset: Preset | undefined;
}

/** Throws ServiceError `config-unreadable`. */
export function readServiceConfig(file: string, service: ServiceName): ConfigFileRead {
  const bytes = readConfigFile(file);
  if (kindOf(file, bytes) === 'yaml') return { preset: undefined };
  return { preset: mapClassic(file, readIni(bytes), service) };
}
