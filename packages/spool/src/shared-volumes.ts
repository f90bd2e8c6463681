import type { Claims } from './claims.js';
import { newMarker } from './server-meeting.js';
import type { SharedVolume, SharedVolumes } from './sharing.js';

/** What an operator looks at and decides, on the server that the claims are on. */
export class ClaimedVolumes implements SharedVolumes {
  readonly #claims: Claims;
  readonly own: () => Promise<string>;

  constructor(claims: Claims, own: () => Promise<string>) {
    this.#claims = claims;
    this.own = own;
  }

  async list(): Promise<readonly SharedVolume[]> {
    return (await this.#claims.volumes()).toSorted((a, b) => b.seenAt.getTime() - a.seenAt.getTime());
  }

  async adopt(volume: string): Promise<number> {
    let released = 0;
    for (const key of await this.#claims.open(volume)) if (await this.#claims.release(key, volume)) released += 1;
    await this.#claims.forgetVolume(volume);
    return released;
  }

  async acceptServer(): Promise<boolean> {
    const marker = newMarker();
    return (await this.#claims.mark(marker, true)) === marker;
  }
}
