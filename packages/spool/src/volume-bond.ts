/**
 * A delivery record takes what is not staged any more for stored. That holds on the volume on which it was staged, and on no other: so incoming
 * has a name, made at random at its first start, and the record has it too. Both are there and differ, or only the record has one: nothing may
 * be taken. The record of the rejects has it as well, since the delivery record may be on the volume that is not mounted; by path
 * and instance, since receivers may share a reject queue: on volumes of their own, which may have the same path on each of their hosts.
 *
 *     INCOMING/.staging/volume         its name
 *     RECORD/incoming                  the same
 *     REJECT/.delivered/incoming-HASH  the same; HASH is that of the path of incoming and the name of the instance
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { SpoolError } from './errors.js';
import { guarded } from './faults.js';
import { inodeOf } from './moves.js';
import { NameFile } from './name-file.js';
import { namesIn, numberedDirectories, STAGING, VOLUME } from './normal-layout.js';
import type { FileModes } from './spool.js';

export interface BondOptions {
  /** Root of the queue. */
  readonly queue: string;
  /** Directory of its delivery record. */
  readonly record: string;
  /** Directory of the record of the rejects. */
  readonly rejects: string;
  /** The same at every start of a receiver. */
  readonly instance: string;
  readonly modes?: FileModes;
}

export class VolumeBond {
  readonly #options: BondOptions;
  readonly #name: NameFile;
  readonly #inRecord: NameFile;
  readonly #inRejects: NameFile;
  readonly #newRecords = new Set<string>();

  constructor(options: BondOptions) {
    const { instance, modes = {}, queue, record, rejects } = options;
    const hash = createHash('sha256')
      .update(`${path.resolve(queue)}\0${instance}`)
      .digest('hex')
      .slice(0, 16);
    this.#options = options;
    this.#name = new NameFile(path.join(queue, STAGING, VOLUME), modes);
    this.#inRecord = new NameFile(path.join(record, 'incoming'), modes);
    this.#inRejects = new NameFile(path.join(rejects, `incoming-${hash}`), modes);
  }

  /**
   * Directories of records that were new at a check, where incoming had been used before: lost, or on volumes that are not mounted. Each is
   * told once, also when it has been made since.
   */
  takeNewRecords(): readonly string[] {
    const records = [...this.#newRecords];
    this.#newRecords.clear();
    return records;
  }

  /** Before the queue is started, so that nothing is made on another volume. SpoolError path-missing. */
  async check(): Promise<void> {
    await guarded('look for the volume', this.#options.queue, async () => {
      const name = (await this.#name.read()) ?? (await this.#restored());
      if (name !== undefined) for (const record of await this.#withoutMemory()) this.#newRecords.add(record);
      await this.#compare(name, (noted) => noted.read());
      if (name === undefined && !this.#isInside && (await this.#wasStagedElsewhere()))
        this.#refuse([this.#inRecord], 'what is half-way in its record is not there');
    });
  }

  /** Once queue and records are started: notes the name where it is not noted yet. SpoolError path-missing. */
  async bind(): Promise<void> {
    await guarded('note the name of the volume', this.#options.queue, async () => {
      const name = await this.#name.read();
      await this.#compare(name, (noted) => (name === undefined ? noted.read() : noted.make(name)));
    });
  }

  async #compare(name: string | undefined, ask: (noted: NameFile) => Promise<string | undefined>): Promise<void> {
    const others: NameFile[] = [];
    const why = [name === undefined ? 'it has no name' : `its name is ${name}`];
    for (const noted of [this.#inRecord, this.#inRejects]) {
      const expected = await ask(noted);
      if (expected === undefined || expected === name) continue;
      others.push(noted);
      why.push(`${noted.path} says ${expected}`);
    }
    if (others.length > 0) this.#refuse(others, why.join(', '));
  }

  /**
   * The rejects may have no note of ours and be old all the same: it is made for each instance. Where nothing was stored yet there is nothing
   * to remember: several receivers may just be starting for the first time.
   */
  async #withoutMemory(): Promise<string[]> {
    const { queue, record, rejects } = this.#options;
    if ((await numberedDirectories(queue)).length === 0) return [];
    const isNew = [(await this.#inRecord.read()) === undefined, (await inodeOf(rejects)) === undefined];
    return [record, rejects].filter((_, index) => isNew[index]);
  }

  /** A record within the queue is on its volume: if the name alone is gone, as somebody removes old files, it is written again. */
  async #restored(): Promise<string | undefined> {
    if (!this.#isInside || (await inodeOf(path.dirname(this.#name.path))) === undefined) return undefined;
    const noted = await this.#inRecord.read();
    return noted === undefined ? undefined : await this.#name.make(noted);
  }

  get #isInside(): boolean {
    const { queue, record } = this.#options;
    return path.resolve(record).startsWith(`${path.resolve(queue)}/`);
  }

  /** Before names were made, or when that of the record was removed: a volume on which something was staged has a staging directory. */
  async #wasStagedElsewhere(): Promise<boolean> {
    const { queue, record } = this.#options;
    return (await namesIn(path.join(record, 'pending'))).length > 0 && (await inodeOf(path.join(queue, STAGING))) === undefined;
  }

  #refuse(others: readonly NameFile[], why: string): never {
    const { queue, record } = this.#options;
    const gone = others.map((noted) => (noted === this.#inRecord ? `all that is in ${record}` : noted.path)).join(' and ');
    const todo = `Mount the right one; only where it is lost for good stop all its receivers, move ${gone} away, and start again`;
    throw new SpoolError('path-missing', `${queue} is not the volume that its records know: ${why}. ${todo}`, { path: queue });
  }
}
