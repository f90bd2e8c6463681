/** Changes of keys, certificates and trust, as operators see them: health, metrics, log lines. */
import type { Identity } from '@ssm/empa';
import type { Health, Logger } from '@ssm/service-kit';
import type { MaterialName, Materials } from './materials.js';
import type { SenderMetrics } from './metrics.js';
import { codeOf, messageOf } from './verdict.js';

export interface ReadinessSinks {
  readonly log: Logger;
  readonly health: Health;
  readonly metrics: SenderMetrics;
}

/** The component of the health page under which a material is shown. */
const COMPONENT = { identity: 'identity', recipients: 'identity', trust: 'trust', 'broker-ca': 'trust' } as const;
type Component = (typeof COMPONENT)[MaterialName];

export class Readiness {
  readonly #sinks: ReadinessSinks;
  readonly #failures = new Map<MaterialName, string>();
  readonly #warned = new Set<string>();
  #sealing: string | undefined;
  #serial: string | undefined;
  #chainFault: string | undefined;

  constructor(sinks: ReadinessSinks) {
    this.#sinks = sinks;
  }

  failed(name: MaterialName, error: Error): void {
    if (!this.#failures.has(name)) this.#sinks.log.error('cannot be loaded again, the last good one stays in use', { source: name, error });
    this.#failures.set(name, error.message);
    this.#sinks.metrics.reloadFailed.set({ source: name }, 1);
    this.#show(COMPONENT[name]);
  }

  /** After the first load, and after each change. */
  loaded(name: MaterialName, materials: Materials): void {
    const { metrics, log } = this.#sinks;
    if (this.#failures.delete(name)) log.info('loaded again, and in use', { source: name });
    metrics.reloadFailed.set({ source: name }, 0);
    metrics.reloads.inc({ source: name });
    if (name === 'identity') this.#identity(materials.identity.current);
    if (name === 'recipients') this.#recipients(materials);
    if (name === 'trust') this.#trust(materials);
    this.#show(COMPONENT[name]);
  }

  #identity({ certificate, warnings }: Identity): void {
    const { metrics, log } = this.#sinks;
    metrics.certificate('identity', certificate.notAfter);
    if (this.#serial !== certificate.serialNumber) {
      log.info('own certificate', {
        subject: certificate.subject.toString(),
        serial: certificate.serialNumber,
        notAfter: certificate.notAfter,
      });
    }
    this.#serial = certificate.serialNumber;
    for (const { code, message } of warnings) {
      const once = `${code} ${certificate.serialNumber}`;
      if (this.#warned.has(once)) continue;
      this.#warned.add(once);
      log.warn('the identity has a problem', { code, detail: message, subject: certificate.subject.toString() });
    }
  }

  #recipients({ recipients }: Materials): void {
    const ends = recipients.current.map(({ certificate }) => certificate.notAfter.getTime());
    if (ends.length > 0) this.#sinks.metrics.certificate('recipient', new Date(Math.min(...ends)));
  }

  #trust({ trust }: Materials): void {
    const { metrics, log } = this.#sinks;
    metrics.crls(trust.current.crls);
    metrics.trustProblems.set(trust.current.problems.length);
    for (const { file, message } of trust.current.problems.slice(0, 10))
      log.debug('a file of the trust directory was left out', { file, detail: message });
  }

  /** Why nothing may be sealed now, or undefined. Shown when it changes. */
  sealing(materials: Materials): string | undefined {
    const { reason, error } = refusalOf(materials);
    if (reason === undefined) this.#chain(materials);
    if (reason === this.#sealing) return reason;
    if (reason === undefined) this.#sinks.log.info('messages can be sealed again');
    else this.#sinks.log.error('no message can be sealed now; everything stays in the outgoing volume', { error });
    this.#sealing = reason;
    this.#show('identity');
    return reason;
  }

  /** No reason to stop: whether messages are accepted the trust directory of the receiver decides. */
  #chain(materials: Materials): void {
    const error = materials.chainFault();
    const { serialNumber, subject } = materials.identity.current.certificate;
    const fault = error === undefined ? undefined : `${codeOf(error)} ${serialNumber}`;
    if (fault === this.#chainFault) return;
    this.#chainFault = fault;
    const { log } = this.#sinks;
    if (error === undefined) log.info('the own certificate verifies again');
    else
      log.warn('the own certificate does not verify here; the receiver may refuse what it signs', { subject: subject.toString(), error });
  }

  #show(component: Component): void {
    const failures = [...this.#failures].filter(([name]) => COMPONENT[name] === component).map(([, reason]) => reason);
    const reasons = component === 'identity' && this.#sealing !== undefined ? [this.#sealing, ...failures] : failures;
    this.#sinks.health.set(component, reasons.length === 0 ? true : reasons.join('; '));
  }
}

function refusalOf(materials: Materials): { readonly reason?: string; readonly error?: unknown } {
  try {
    materials.forSealing();
    return {};
  } catch (error) {
    return { reason: messageOf(error), error };
  }
}
