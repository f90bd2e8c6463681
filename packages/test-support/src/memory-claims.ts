/**
 * Stands in for the server of a shared delivery record where every order of steps is to be tried: the same answers, in one process. It is
 * the `Claims` of @ssm/spool, whose conformance suite runs on this and on a real server.
 */
interface Claim {
  readonly state: 'open' | 'stored' | 'confirmed';
  readonly volume: string;
  readonly recordedAt: Date;
}

export interface MemoryClaimsOptions {
  /** The error of a server that forgot its marker. */
  readonly forgotten: () => Error;
  /** Awaited before each step; a step itself is never interrupted. */
  readonly gate?: (step: string) => Promise<void>;
}

export class MemoryClaims {
  readonly #options: MemoryClaimsOptions;
  readonly #claims = new Map<string, Claim & { readonly expiresAt: number }>();
  readonly #volumes = new Map<string, { readonly label: string; readonly seenAt: number }>();
  readonly #told = new Map<string, boolean>();
  #marker: string | undefined;
  #time = 1_700_000_000_000;

  constructor(options: MemoryClaimsOptions) {
    this.#options = options;
  }

  /** Lets time pass. */
  advance(milliseconds: number): void {
    this.#time += milliseconds;
    for (const [key, { expiresAt }] of this.#claims) if (expiresAt <= this.#time) this.#claims.delete(key);
  }

  /** As a server does that is restarted without having written anything. */
  empty(): void {
    for (const map of [this.#claims, this.#volumes, this.#told]) map.clear();
    this.#marker = undefined;
  }

  /** Claims that would never expire. */
  get lasting(): number {
    return [...this.#claims.values()].filter(({ expiresAt }) => expiresAt === Number.POSITIVE_INFINITY).length;
  }

  async #step(name: string, marker?: string): Promise<void> {
    await this.#options.gate?.(name);
    if (marker !== undefined && marker !== this.#marker) throw this.#options.forgotten();
  }

  #set(key: string, claim: Claim, keepMs = Number.POSITIVE_INFINITY): Claim {
    this.#claims.set(key, { ...claim, expiresAt: this.#time + keepMs });
    return claim;
  }

  async claim(key: string, volume: string, marker: string): Promise<Claim> {
    await this.#step('claim', marker);
    return this.#claims.get(key) ?? this.#set(key, { state: 'open', volume, recordedAt: new Date(this.#time) });
  }

  async stored(key: string, volume: string, { keepMs, marker }: { readonly marker: string; readonly keepMs: number }): Promise<Claim> {
    await this.#step('stored', marker);
    const found = this.#claims.get(key);
    if (found?.state === 'confirmed' || (found?.state === 'stored' && found.volume !== volume)) return found;
    return this.#set(key, { state: 'stored', volume, recordedAt: found?.recordedAt ?? new Date(this.#time) }, keepMs);
  }

  async confirm(key: string, windowMs: number): Promise<void> {
    await this.#step('confirm');
    const found = this.#claims.get(key);
    if (found !== undefined) this.#set(key, { ...found, state: 'confirmed' }, windowMs);
  }

  async look(keys: readonly string[]): Promise<(Claim | undefined)[]> {
    await this.#step('look');
    return keys.map((key) => this.#claims.get(key));
  }

  async remember(key: string, volume: string, since: { readonly recordedAt: Date; readonly keepMs: number | undefined }): Promise<void> {
    await this.#step('remember');
    const { keepMs, recordedAt } = since;
    if (!this.#claims.has(key)) this.#set(key, { state: keepMs === undefined ? 'open' : 'confirmed', volume, recordedAt }, keepMs);
  }

  async alive(volume: string, label: string): Promise<void> {
    await this.#step('alive');
    this.#volumes.set(volume, { label, seenAt: this.#time });
  }

  async volumes(): Promise<{ name: string; label: string; seenAt: Date; silentMs: number; open: number; waits: boolean }[]> {
    await this.#step('volumes');
    return [...this.#volumes].map(([name, { label, seenAt }]) => {
      const open = this.#openOf(name).length;
      return { name, label, seenAt: new Date(seenAt), silentMs: this.#time - seenAt, open, waits: this.#told.has(name) };
    });
  }

  #openOf(volume: string): string[] {
    return [...this.#claims].flatMap(([key, claim]) => (claim.state === 'open' && claim.volume === volume ? [key] : []));
  }

  async open(volume: string): Promise<string[]> {
    await this.#step('open');
    return this.#openOf(volume);
  }

  async release(key: string, volume: string): Promise<boolean> {
    await this.#step('release');
    return this.#openOf(volume).includes(key) && this.#claims.delete(key);
  }

  async forgetVolume(volume: string): Promise<void> {
    await this.#step('forgetVolume');
    this.#volumes.delete(volume);
    this.#told.delete(volume);
  }

  async marker(): Promise<string | undefined> {
    await this.#step('marker');
    return this.#marker;
  }

  async told(volume: string, knew: boolean): Promise<void> {
    await this.#step('told');
    this.#told.set(volume, knew);
  }

  async hasTold(volume: string): Promise<boolean> {
    await this.#step('hasTold');
    return this.#told.has(volume);
  }

  async untold(volume: string): Promise<void> {
    await this.#step('untold');
    this.#told.delete(volume);
  }

  async mark(marker: string, always: boolean): Promise<string | undefined> {
    await this.#step('mark');
    if (this.#marker === undefined && !always && [...this.#told.values()].includes(true)) return undefined;
    this.#marker ??= marker;
    return this.#marker;
  }

  async warnings(): Promise<[]> {
    await this.#step('warnings');
    return [];
  }

  close(): void {
    // There is no connection.
  }
}
