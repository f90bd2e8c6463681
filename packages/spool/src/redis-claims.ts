/** The claims that volumes share, on a Redis or Valkey server. */
import type { Claims, Remembered } from './claims.js';
import { SpoolError } from './errors.js';
import type { RecordServer } from './options.js';
import { RedisLink, ServerRefusal } from './redis-link.js';
import { ALIVE, CLAIM, CONFIRM, FORGOTTEN, MARK, RELEASE, REMEMBER, type Script, STORED, VOLUMES } from './redis-scripts.js';
import { forgotten } from './server-meeting.js';
import { serverWarnings } from './server-warnings.js';
import type { RecordWarning, SharedClaim, SharedState, SharedVolume } from './sharing.js';

const VALUE = /^([osc]) (\d{1,15}) (\S+)$/;
const STATES: Readonly<Record<string, SharedState>> = { o: 'open', s: 'stored', c: 'confirmed' };
/** Values that VOLUMES answers for each. */
const VOLUME_FIELDS = 4;

export class RedisClaims implements Claims {
  readonly #link: RedisLink;
  readonly #prefix: string;

  constructor(options: RecordServer) {
    this.#link = new RedisLink(options);
    this.#prefix = options.prefix;
  }

  #key(...parts: readonly string[]): string {
    return [this.#prefix, ...parts].join(':');
  }

  async claim(key: string, volume: string, marker: string): Promise<SharedClaim> {
    const keys = [this.#key('id', key), this.#key('server'), this.#key('open', volume)];
    return this.#claimOf(await this.#run(CLAIM, keys, [marker, volume, key]), key);
  }

  async stored(key: string, volume: string, told: { readonly marker: string; readonly keepMs: number }): Promise<SharedClaim> {
    const keys = [this.#key('id', key), this.#key('server')];
    const args = [told.marker, volume, key, String(told.keepMs), this.#key('open', '')];
    return this.#claimOf(await this.#run(STORED, keys, args), key);
  }

  async confirm(key: string, windowMs: number): Promise<void> {
    await this.#run(CONFIRM, [this.#key('id', key)], [key, String(windowMs), this.#key('open', '')]);
  }

  async look(keys: readonly string[]): Promise<readonly (SharedClaim | undefined)[]> {
    if (keys.length === 0) return [];
    const values = textsOf(await this.#link.send(['MGET', ...keys.map((key) => this.#key('id', key))]));
    return values.map((value, index) => (value === '' ? undefined : this.#claimOf(value, keys[index] ?? '')));
  }

  async remember(key: string, volume: string, { keepMs, recordedAt }: Remembered): Promise<void> {
    const args = [volume, key, String(recordedAt.getTime()), keepMs === undefined ? '' : String(keepMs)];
    await this.#run(REMEMBER, [this.#key('id', key), this.#key('open', volume)], args);
  }

  async alive(volume: string, label: string): Promise<void> {
    await this.#run(ALIVE, [this.#key('volumes')], [volume, label]);
  }

  async volumes(): Promise<readonly SharedVolume[]> {
    const answer = await this.#run(VOLUMES, [this.#key('volumes'), this.#key('told')], [this.#key('open', '')]);
    const [now, ...fields] = textsOf(answer);
    const volumes: SharedVolume[] = [];
    for (let at = 0; at < fields.length; at += VOLUME_FIELDS) {
      const [name = '', value = '', open, told] = fields.slice(at, at + VOLUME_FIELDS);
      const space = value.indexOf(' ');
      const seen = Number(value.slice(0, space));
      const known = { name, label: value.slice(space + 1), seenAt: new Date(seen), silentMs: Number(now) - seen };
      volumes.push({ ...known, open: Number(open), waits: told !== '' });
    }
    return volumes;
  }

  async open(volume: string): Promise<readonly string[]> {
    return textsOf(await this.#link.send(['SMEMBERS', this.#key('open', volume)]));
  }

  async release(key: string, volume: string): Promise<boolean> {
    return (await this.#run(RELEASE, [this.#key('id', key), this.#key('open', volume)], [volume, key])) === 1;
  }

  async forgetVolume(volume: string): Promise<void> {
    await this.#link.send(['HDEL', this.#key('volumes'), volume]);
    await this.untold(volume);
  }

  async marker(): Promise<string | undefined> {
    return textOf(await this.#link.send(['GET', this.#key('server')]));
  }

  async told(volume: string, knew: boolean): Promise<void> {
    await this.#link.send(['HSET', this.#key('told'), volume, knew ? 'knew' : 'new']);
  }

  async hasTold(volume: string): Promise<boolean> {
    return (await this.#link.send(['HEXISTS', this.#key('told'), volume])) === 1;
  }

  async untold(volume: string): Promise<void> {
    await this.#link.send(['HDEL', this.#key('told'), volume]);
  }

  async mark(marker: string, always: boolean): Promise<string | undefined> {
    return textOf(await this.#run(MARK, [this.#key('server'), this.#key('told')], [marker, always ? 'always' : '']));
  }

  async warnings(): Promise<readonly RecordWarning[]> {
    return serverWarnings(this.#link.name, async (...args) => {
      try {
        return textsOf([await this.#link.send(args)].flat());
      } catch (error) {
        // Not everybody may ask.
        if (error instanceof ServerRefusal) return [];
        throw error;
      }
    });
  }

  close(): void {
    this.#link.close();
  }

  async #run({ sha1, text }: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await this.#link.send(['EVALSHA', sha1, ...rest]);
    } catch (error) {
      if (!(error instanceof ServerRefusal && error.text.startsWith('NOSCRIPT'))) throw error;
      return await this.#link.send(['EVAL', text, ...rest]);
    }
  }

  #claimOf(answer: unknown, key: string): SharedClaim {
    const text = textOf(answer) ?? '';
    if (text === FORGOTTEN) throw forgotten();
    const [, state = '', time, volume] = VALUE.exec(text) ?? [];
    const known = STATES[state];
    const path = `${this.#link.name} ${this.#key('id', key)}`;
    if (known === undefined || volume === undefined)
      throw new SpoolError('record-corrupt', `${path} is not a record of a delivery`, { path });
    return { state: known, volume, recordedAt: new Date(Number(time)) };
  }
}

function textOf(answer: unknown): string | undefined {
  return typeof answer === 'string' ? answer : undefined;
}

/** Of an array; what is null in it becomes empty. */
function textsOf(answer: unknown): string[] {
  return Array.isArray(answer) ? answer.map((value) => textOf(value) ?? '') : [];
}
