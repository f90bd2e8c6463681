import path from 'node:path';
import { createDemoPki, type DemoPki, type Scope, startBroker, temporaryDirectory } from '@ssm/test-support';
import { type StageBroker, startDevelopmentBroker } from '../stage/broker.js';
import { CleanUp } from '../stage/clean-up.js';
import { progress } from '../stage/progress.js';
import type { Kind } from './selection.js';

/** Large enough for 20 MB in any encoding; brokers with a smaller limit of their own are told so. */
const FRAME_BYTES = 128 * 1024 * 1024;

/** Brokers of one kind, started when a fault wants them and kept for the next: starting one takes longer than most faults. */
export class Fleet {
  readonly kind: Kind;
  readonly #scope = new CleanUp();
  #brokers: StageBroker[] = [];
  #pki: DemoPki | undefined;

  constructor(kind: Kind) {
    this.kind = kind;
  }

  get pki(): DemoPki {
    this.#pki ??= createDemoPki(path.join(temporaryDirectory(this.#scope), 'pki'), { key: 'p256' });
    return this.#pki;
  }

  async take(count: number): Promise<readonly StageBroker[]> {
    while (this.#brokers.length < count) {
      progress(`${this.kind}: starting a broker`);
      const broker = await startOne(this.#scope, this.kind, this.pki);
      progress(`${this.kind}: ${broker.title} is there`);
      this.#brokers.push(broker);
    }
    return this.#brokers.slice(0, count);
  }

  /** Ends all of them: at the end, and when a fault failed, which may have left them in any state. */
  async end(): Promise<void> {
    this.#brokers = [];
    this.#pki = undefined;
    await this.#scope.run();
  }
}

async function startOne(scope: Scope, kind: Kind, pki: DemoPki): Promise<StageBroker> {
  if (kind === 'devbroker') return await startDevelopmentBroker(scope, pki);
  return await startBroker(scope, kind, { pki, maximumFrameBytes: FRAME_BYTES });
}
