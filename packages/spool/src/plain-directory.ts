/** A plain directory, read by a sender: any regular file is an element, claimed by a rename into `.claimed/`. */
import { randomUUID } from 'node:crypto';
import { type BigIntStats, promises as fs } from 'node:fs';
import { guarded } from './faults.js';
import { files, type Path } from './files.js';
import { inodeOf, moveUnlessTaken, renameIfThere, unlinkIfThere } from './moves.js';
import { checkFileName, fileIn, isUnfinishedName } from './names.js';
import { type Checkpoint, noCheckpoint, type OutgoingOptions } from './options.js';
import { type OutgoingParts, outgoingParts, startParts } from './outgoing.js';
import { giveBack, PlainClaim, statOf } from './plain-claim.js';
import { type ClaimedName, claimedPath, deliveryIdOf, isSendableName, parseClaimed, parseFreeElement } from './plain-layout.js';
import { isStable, PlainScan } from './plain-scan.js';
import type { Claim, OutgoingQueue, PurgeStatistics, Scan } from './spool.js';

const DEFAULT_STABILITY_MS = 2000;

export class PlainDirectory implements OutgoingQueue {
  readonly path: string;
  readonly #parts: OutgoingParts;
  readonly #stabilityMs: number;
  /** What this process has claimed, see keyOf(). */
  readonly #held = new Set<string>();

  constructor(options: OutgoingOptions, checkpoint: Checkpoint = noCheckpoint) {
    this.path = options.path;
    this.#parts = outgoingParts(options, checkpoint);
    this.#stabilityMs = options.stabilityMs ?? DEFAULT_STABILITY_MS;
  }

  async start(): Promise<{ readonly freed: number }> {
    return await guarded('prepare the queue', this.path, async () => {
      // The names say everything: there is nothing for the journal.
      await startParts(this.#parts, () => []);
      await this.#probe();
      await this.#parts.claims.keepSpares();
      return { freed: await this.#freeOthers() };
    });
  }

  async close(): Promise<void> {
    const { claims } = this.#parts;
    if (!claims.isOpen) return;
    const { token } = claims.owner;
    // Without a directory to look into there is nothing to say.
    const names = await claims.names().catch(() => []);
    await claims.close(names.some((entry) => parseClaimed(entry)?.token === token));
  }

  /** What a claim and its release do, with a file of our own. */
  async #probe(): Promise<void> {
    const file = `${this.path}/.probe~${randomUUID()}`;
    const claimed = this.#parts.claims.temporary();
    try {
      await fs.writeFile(file, '', { flag: 'wx' });
      await files.rename(file, claimed);
      await moveUnlessTaken(claimed, file);
    } finally {
      await Promise.all([file, claimed].map((one) => unlinkIfThere(one)));
    }
  }

  async #freeOthers(): Promise<number> {
    return await this.#parts.claims.freeOthers((token) => this.#freeAll((one) => one.token === token));
  }

  async #freeAll(isMeant: (claimed: ClaimedName) => boolean | Promise<boolean>): Promise<number> {
    let freed = 0;
    for (const entry of await this.#parts.claims.names()) {
      const claimed = parseClaimed(entry);
      if (claimed?.token === undefined || !(await isMeant(claimed))) continue;
      await giveBack(this.path, claimed);
      freed += 1;
    }
    return freed;
  }

  scan(signal?: AbortSignal): Scan {
    return new PlainScan({
      root: this.path,
      calls: this.#parts.calls,
      claims: this.#parts.claims,
      stabilityMs: this.#stabilityMs,
      // A predecessor that cannot be looked at is watched from one pass to the next.
      prepare: () => this.#freeOthers(),
      signal,
    });
  }

  async claim(name: string): Promise<Claim | undefined> {
    const free = parseFreeElement(name);
    if (free === undefined) checkFileName(name);
    if (free === undefined && isUnfinishedName(name)) return undefined;
    return await guarded('claim an element', this.path, async () => await this.#claim(name, free));
  }

  async #claim(element: string, free: ClaimedName | undefined): Promise<Claim | undefined> {
    const source = fileIn(this.path, element);
    const { claims, calls } = this.#parts;
    const stats = await statOf(source, calls);
    if (stats === undefined || stats.isDirectory()) return undefined;
    if (stats.isFile() && !isStable({ ctimeMs: Number(stats.ctimeMs) }, claims.time, this.#stabilityMs)) return undefined;
    const name = free?.name ?? element;
    const claimed = { token: claims.owner.token, id: free?.id ?? deliveryIdOf(name, stats), name };
    if (!isSendableName(name))
      return new PlainClaim(this.#parts, { claimed, path: source, stats, unsendable: true, dropped: () => undefined });
    return await this.#take(claimed, source, stats);
  }

  /** undefined: somebody else has it. */
  async #take(claimed: ClaimedName, source: Path, stats: BigIntStats): Promise<Claim | undefined> {
    const { checkpoint, calls } = this.#parts;
    const path = claimedPath(this.path, claimed);
    const dropped = this.#hold(claimed);
    try {
      // It is ours, too, when it was our own request that came twice over a network file system.
      if ((await renameIfThere(source, path, calls)) || (await inodeOf(path)) === stats.ino) {
        await checkpoint('renamed');
        return new PlainClaim(this.#parts, { claimed, path, stats, unsendable: false, dropped });
      }
    } catch (error) {
      dropped();
      throw error;
    }
    dropped();
    return undefined;
  }

  /** Before it is in `.claimed/`, so that no purge takes it for forgotten. */
  #hold(claimed: ClaimedName): () => void {
    const key = keyOf(claimed);
    this.#held.add(key);
    return () => void this.#held.delete(key);
  }

  async purge(): Promise<PurgeStatistics> {
    return await guarded('purge the queue', this.path, async () => {
      const { claims, quarantine, now } = this.#parts;
      await claims.requireThere();
      await claims.measureClock();
      const freed = (await this.#freeOthers()) + (await this.#freeForgotten()) + (await this.#freeOrphans());
      await claims.tidy();
      await quarantine.recover(claims.time);
      await quarantine.tidy(now());
      await claims.keepSpares();
      return { temporary: 0, locks: freed, directories: 0 };
    });
  }

  /** Claims of ours that nobody here holds: the volume was away, or could not be written to, when they were to be given back. */
  async #freeForgotten(): Promise<number> {
    const { token } = this.#parts.claims.owner;
    return await this.#freeAll((claimed) => claimed.token === token && !this.#held.has(keyOf(claimed)));
  }

  /** Claims whose owner has no file any more: somebody took it for dead and did not come to the end. */
  async #freeOrphans(): Promise<number> {
    const { claims } = this.#parts;
    const owners = new Set(await claims.tokens());
    return await this.#freeAll(async (claimed) => {
      if (claimed.token === undefined || owners.has(claimed.token)) return false;
      const stats = await statOf(claimedPath(this.path, claimed));
      return stats !== undefined && claims.time - Number(stats.ctimeMs) > claims.lockAgeMs;
    });
  }

  async quarantineDepth(): Promise<number> {
    return await guarded('count the quarantine', this.path, () => this.#parts.quarantine.depth());
  }
}

const keyOf = ({ id, name }: ClaimedName): string => `${id}~${name}`;
