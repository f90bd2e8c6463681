/**
 * The delivery record of a volume, and the claims that it shares with other volumes. Within the volume the files decide, as without a
 * server: they are the write-ahead memory. The server only arbitrates between volumes: an id belongs to the volume that claimed it first.
 */
import type { Claims } from './claims.js';
import { FileDeliveryRecord } from './delivery-record.js';
import { SpoolError } from './errors.js';
import { type Checkpoint, noCheckpoint, type SharedRecordOptions } from './options.js';
import { Meeting } from './server-meeting.js';
import { keyOf } from './shared-key.js';
import { ClaimedVolumes } from './shared-volumes.js';
import type { RecordWarning, SharedClaim, SharedVolume, Sharing } from './sharing.js';
import type { DeliveryRecord, RecordClaim } from './spool.js';
import { VolumeFiles } from './volume.js';

/** An id that is stored but never confirmed lives at least this long after its volume was heard of last. */
const UNCONFIRMED_MS = 30 * 86_400_000;
const MAXIMUM_LABEL = 200;

const CHANGED: RecordWarning = {
  code: 'server-changed',
  message: 'the server of the shared record is not the one that this volume knew; it was told again what the volume remembers',
};

/** Our volume, and the server as we know it. */
interface Known {
  readonly name: string;
  readonly marker: string;
}

export class SharedDeliveryRecord implements DeliveryRecord, Sharing {
  readonly volumes: ClaimedVolumes;
  readonly #file: FileDeliveryRecord;
  readonly #claims: Claims;
  readonly #volume: VolumeFiles;
  readonly #meeting: Meeting;
  readonly #label: string;
  readonly #windowMs: number;
  readonly #checkpoint: Checkpoint;
  #known: Known | undefined;
  #warnings: readonly RecordWarning[] = [];

  constructor(options: SharedRecordOptions, claims: Claims, checkpoint: Checkpoint = noCheckpoint) {
    this.#file = new FileDeliveryRecord(options, checkpoint);
    this.#claims = claims;
    this.#volume = new VolumeFiles(options);
    this.#meeting = new Meeting({ file: this.#file, claims, volume: this.#volume, ...options });
    this.#label = options.label.replaceAll(/\s+/g, ' ').slice(0, MAXIMUM_LABEL);
    this.#windowMs = options.windowMs;
    this.#checkpoint = checkpoint;
    this.volumes = new ClaimedVolumes(claims, () => this.#own());
  }

  get sharing(): Sharing {
    return this;
  }

  get warnings(): readonly RecordWarning[] {
    return this.#warnings;
  }

  async start(signal?: AbortSignal): Promise<void> {
    const name = await this.#own();
    // First, so that an operator sees who waits.
    await this.#claims.alive(name, this.#label);
    const { isOther, marker } = await this.#meeting.meet(name, signal);
    this.#known = { name, marker };
    this.#warnings = [...(isOther ? [CHANGED] : []), ...(await this.#claims.warnings())];
  }

  async probe(): Promise<void> {
    await this.#file.probe();
  }

  async #own(): Promise<string> {
    await this.#file.start();
    return await this.#volume.name();
  }

  async #knowing(): Promise<Known> {
    if (this.#known === undefined) await this.start();
    if (this.#known === undefined) throw new SpoolError('server-away', 'the server is not known yet');
    return this.#known;
  }

  async claim(id: string, stagedPath: string): Promise<RecordClaim> {
    const { marker, name } = await this.#knowing();
    const here = await this.#file.claim(id, stagedPath);
    await this.#checkpoint('recorded');
    const found = await this.#claims.claim(keyOf(id), name, marker);
    await this.#checkpoint('claimed');
    const { recordedAt, volume } = found;
    const isHere = volume === name;
    if (found.state === 'open') return isHere ? here : { outcome: 'held', recordedAt, volume };
    // We have told that it is stored, and never heard of it: a volume that was put back. Not confirmed, so this is the broker's only copy.
    if (found.state === 'stored' && isHere && here.outcome === 'mine') return here;
    // A recovery must not find this entry: it commits what is not confirmed and still staged. Our own older entry stays until the broker knows.
    if (here.outcome === 'mine' || !isHere) await this.#file.confirm(id);
    return { outcome: 'stored', stagedPath: here.outcome === 'theirs' ? here.stagedPath : stagedPath, recordedAt, volume };
  }

  async knows(id: string): Promise<boolean> {
    return await this.#file.knows(id);
  }

  async confirm(id: string): Promise<void> {
    await this.#file.confirm(id);
    await this.#claims.confirm(keyOf(id), this.#windowMs);
  }

  entries(signal?: AbortSignal): ReturnType<DeliveryRecord['entries']> {
    return this.#file.entries(signal);
  }

  /** What is shared expires by itself. */
  async expire(windowMs: number, now: Date, signal?: AbortSignal, share?: number): Promise<number> {
    const expired = await this.#file.expire(windowMs, now, signal, share);
    for (const { name, open, silentMs } of await this.#claims.volumes())
      if (open === 0 && silentMs > this.#unconfirmedMs) await this.#claims.forgetVolume(name);
    return expired;
  }

  get #unconfirmedMs(): number {
    return Math.max(UNCONFIRMED_MS, this.#windowMs);
  }

  async settle(id: string): Promise<SharedClaim & { readonly isHere: boolean }> {
    const { marker, name } = await this.#knowing();
    const found = await this.#claims.claim(keyOf(id), name, marker);
    return { ...found, isHere: found.volume === name };
  }

  async stored(id: string): Promise<{ readonly alsoIn: string | undefined }> {
    const { marker, name } = await this.#knowing();
    const { volume } = await this.#claims.stored(keyOf(id), name, { marker, keepMs: this.#unconfirmedMs });
    await this.#checkpoint('told');
    return { alsoIn: volume === name ? undefined : volume };
  }

  async drop(id: string): Promise<boolean> {
    return await this.#file.settle(id);
  }

  async requireFree(ids: readonly string[]): Promise<void> {
    const { name } = await this.#knowing();
    const found = await this.#claims.look(ids.map(keyOf));
    const held = found.filter((claim) => claim?.state === 'open' && claim.volume !== name).map((claim) => claim?.volume ?? '');
    if (held.length === 0) return;
    const volumes = await this.#claims.volumes();
    const holders = [...new Set(held)].map((volume) => described(volume, volumes)).join('; ');
    const what = held.length === 1 ? 'a message that came here is' : `${held.length} messages that came here are`;
    throw new SpoolError('held-elsewhere', `${what} half-way on another volume: ${holders}. Start its receiver, or adopt it if it is lost`);
  }

  async alive(): Promise<void> {
    const { name } = await this.#knowing();
    await this.#claims.alive(name, this.#label);
  }

  close(): void {
    this.#claims.close();
  }
}

function described(name: string, volumes: readonly SharedVolume[]): string {
  const volume = volumes.find((one) => one.name === name);
  return volume === undefined ? name : `${name} (${volume.label}; heard of last at ${volume.seenAt.toISOString()})`;
}
