/** What became of an element, for those who watch: one log line, the metrics, the state of the volume. */
import type { Health, Logger } from '@ssm/service-kit';
import type { ElementBackoff } from './backoff.js';
import type { QueueDepth } from './depth.js';
import type { SenderMetrics } from './metrics.js';
import type { SendResult } from './pipeline.js';
import { messageOf } from './verdict.js';
import type { VolumeState } from './volume.js';

export interface ReportSinks {
  readonly log: Logger;
  readonly health: Health;
  readonly metrics: SenderMetrics;
  readonly backoff: ElementBackoff;
  readonly depth: Pick<QueueDepth, 'left'>;
  readonly volume: VolumeState;
  readonly now: () => Date;
}

/** Of a line about one file: the first failure, and then ever fewer of the same; none while it is a fault of the volume, which has a line of its own. */
export function failureLevel(attempts: number, { troubled }: Pick<VolumeState, 'troubled'>): 'warn' | 'debug' {
  return !troubled && Number.isInteger(Math.log2(attempts)) ? 'warn' : 'debug';
}

type Result<O extends SendResult['outcome']> = Extract<SendResult, { outcome: O }>;

export class Report {
  readonly #sinks: ReportSinks;
  #gone = 0;

  constructor(sinks: ReportSinks) {
    this.#sinks = sinks;
  }

  /** Elements that left the queue: sent, or quarantined. */
  get gone(): number {
    return this.#gone;
  }

  note(result: SendResult, seconds: number): void {
    this.#sinks.health.moved();
    switch (result.outcome) {
      case 'sent':
        this.#sent(result, seconds);
        break;
      case 'taken':
        this.#sinks.metrics.messages.inc({ result: 'taken' });
        this.#sinks.backoff.forget(result.name);
        break;
      case 'retry':
        this.#retry(result);
        break;
      case 'quarantined':
        this.#quarantined(result);
        break;
    }
  }

  #sent({ name, empaId, deliveryId, bytes, wireBytes, messages, broker, removal }: Result<'sent'>, seconds: number): void {
    const { log, metrics, now } = this.#sinks;
    this.#left('sent', name, bytes);
    metrics.wireBytes.inc(wireBytes);
    if (messages > 1) metrics.parts.inc(messages);
    metrics.lastSuccess.set(now().getTime() / 1000);
    const parts = messages > 1 ? { parts: messages } : {};
    log.info('message sent', { empaId, deliveryId, bytes, wireBytes, ...parts, seconds: Number(seconds.toFixed(3)), broker });
    if (removal === 'replaced') log.info('a new file came under the name of a sent one', { empaId, deliveryId });
    if (removal === 'lost') log.warn('the lock of a sent file was freed by somebody else; it may be sent twice', { empaId, deliveryId });
    if (removal === 'left') log.warn('a sent file could not be removed; it will be sent again', { empaId, deliveryId });
  }

  #quarantined({ name, empaId, bytes, code, as, error }: Result<'quarantined'>): void {
    const { log, metrics } = this.#sinks;
    this.#left('quarantined', name, bytes);
    metrics.quarantined.inc({ code });
    log.error('file put into quarantine', { empaId, bytes, code, reason: messageOf(error), as });
  }

  #left(result: 'sent' | 'quarantined', name: string, bytes: number): void {
    const { metrics, backoff, depth, volume } = this.#sinks;
    this.#gone += 1;
    metrics.messages.inc({ result });
    metrics.bytes.inc({ result }, bytes);
    backoff.forget(name);
    depth.left();
    volume.elementWorked();
  }

  #retry({ name, empaId, bytes, code, error, later, modified }: Result<'retry'>): void {
    const { log, metrics, backoff, volume } = this.#sinks;
    metrics.messages.inc({ result: 'retried' });
    metrics.bytes.inc({ result: 'retried' }, bytes);
    metrics.retries.inc({ code });
    if (!later) {
      log.debug('file given back', { empaId, code });
      return;
    }
    volume.elementFailed(error);
    const attempts = backoff.failed(name, modified);
    log[failureLevel(attempts, volume)]('file not sent, will be tried again', { empaId, code, attempts, error });
  }
}
