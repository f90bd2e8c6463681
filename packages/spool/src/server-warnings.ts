import type { RecordWarning } from './sharing.js';

/** The answer as texts; none where we may not ask. */
type Ask = (...command: readonly string[]) => Promise<readonly string[]>;

/** What in the configuration of a Redis or Valkey server makes it forget deliveries. */
export async function serverWarnings(server: string, ask: Ask): Promise<readonly RecordWarning[]> {
  const [info = ''] = await ask('INFO');
  const [, appendfsync] = await ask('CONFIG', 'GET', 'appendfsync');
  const warnings: RecordWarning[] = [];
  const warn = (code: RecordWarning['code'], message: string): void => void warnings.push({ code, message: `${server} ${message}` });
  const policy = fieldOf(info, 'maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction')
    warn('server-may-evict', `forgets deliveries when its memory is full (maxmemory-policy ${policy}); it must be noeviction`);
  if (fieldOf(info, 'aof_enabled') === '0')
    warn('server-not-durable', 'forgets deliveries when it is restarted (appendonly no); it must be yes');
  else if (appendfsync !== undefined && appendfsync !== 'always')
    warn('server-syncs-late', `may forget the newest deliveries at a power cut (appendfsync ${appendfsync}); it should be always`);
  return warnings;
}

function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}
