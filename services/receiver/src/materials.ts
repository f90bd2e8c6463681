import { EmpaError, loadTrustStore, type TrustStore } from '@ssm/empa';
import { type Health, type Logger, type Reloadable, type ServiceContext, watchFiles, whenStable } from '@ssm/service-kit';
import { loadSignerLists, type SignerLists } from './authorise.js';
import type { ReceiverConfig } from './config.js';
import { type Credentials, credentialFiles, loadCredentials } from './credentials.js';
import { ReceiverError } from './errors.js';
import type { ReceiverMetrics, ReloadSource } from './metrics.js';
import { QuietFiles } from './quiet-files.js';

/** How often the own certificate is looked at though no file changed. */
const EXPIRY_LOOK_MS = 10_000;
/** So long a list must be quiet at most; it is one file, and at the start it is waited for. */
const LIST_STABILITY_MS = 2000;
/** Files of the trust directory, and lines of lists, that a log line names. */
const SHOWN_PROBLEMS = 10;

export interface MaterialOptions {
  readonly config: ReceiverConfig;
  readonly context: Pick<ServiceContext, 'health' | 'log' | 'onReload' | 'onStop'>;
  readonly metrics: ReceiverMetrics;
  readonly now: () => Date;
}

interface Watched<T> {
  readonly files: readonly string[];
  readonly load: () => Promise<T>;
  /** What the value in use means for logs, metrics and health; returns why it is not good enough for being ready. */
  readonly inUse: (value: T) => string | undefined;
  readonly stabilityMs?: number;
}

/** Loads a value from files, keeps it fresh, and says in log, metrics and health how that goes. Rejects as the first load does. */
async function watchMaterial<T>(source: ReloadSource, watched: Watched<T>, options: MaterialOptions): Promise<Reloadable<T>> {
  const { config, context, metrics } = options;
  const { health, log } = context;
  const accept = (value: T): void => {
    metrics.reloadFailed.set({ source }, 0);
    setHealth(health, source, watched.inUse(value));
  };
  const material = await watchFiles({
    watch: () => watched.files,
    load: watched.load,
    maximumAgeMs: config.trust.maximumAge,
    stabilityMs: watched.stabilityMs ?? 0,
    onChange: (value) => {
      metrics.reloads.inc({ source });
      log.debug('loaded again', { source });
      accept(value);
    },
    onFailure: (error) => reportFailure(source, error, { health, log, metrics }),
  });
  context.onStop(`watching ${source}`, () => material.close());
  context.onReload(source, () => material.check());
  accept(material.current);
  return material;
}

function reportFailure(
  source: ReloadSource,
  error: Error,
  { health, log, metrics }: { health: Health; log: Logger; metrics: ReceiverMetrics },
): void {
  log.error('cannot be loaded again, the last good one stays in use', { source, error });
  metrics.reloadFailed.set({ source }, 1);
  health.set(source, `the last good one is in use: ${error.message}`);
}

function setHealth(health: Health, component: string, reason: string | undefined): void {
  health.set(component, reason ?? true);
}

/** What is loaded again every minute is not complained about every minute. */
export function whenNew(warn: (problems: readonly unknown[]) => void): (problems: readonly unknown[]) => void {
  let last = '[]';
  return (problems) => {
    const text = JSON.stringify(problems);
    if (text !== last && problems.length > 0) warn(problems);
    last = text;
  };
}

/** A list that was cut off is a good one all the same: it refuses everybody behind its end, or lets in who was denied there. */
function whenCut(log: Logger): (lists: Pick<SignerLists, 'allow' | 'deny'>) => void {
  const listed = { allow: 0, deny: 0 };
  return (lists) => {
    for (const name of ['allow', 'deny'] as const) {
      const [before, now] = [listed[name], lists[name].length];
      if (now < before / 2) log.warn(`the ${name} list has lost more than half of its DNs`, { before, now });
      listed[name] = now;
    }
  };
}

/** Errors: those of loadSignerLists, and ReceiverError list-unstable. */
export function watchLists(options: MaterialOptions, onChange: (lists: SignerLists) => void): Promise<Reloadable<SignerLists>> {
  const { config, context, metrics, now } = options;
  const { allow, deny } = config.authorisation;
  const warn = whenNew((doubts) => context.log.warn('lines of the lists of DNs may not be what was meant', { lines: doubts }));
  const warnOfLost = whenCut(context.log);
  const files = new QuietFiles({ stabilityMs: Math.min(config.trust.stability, LIST_STABILITY_MS), now });
  return watchMaterial(
    'authorisation',
    {
      files: [allow, deny].filter((file) => file !== ''),
      load: () => whenStable(() => loadSignerLists({ allow, deny }, (file) => files.read(file)), isUnstable),
      inUse: (lists) => {
        metrics.allowedSigners.set(lists.allow.length);
        metrics.deniedSigners.set(lists.deny.length);
        warnOfLost(lists);
        warn(lists.doubts.slice(0, SHOWN_PROBLEMS));
        onChange(lists);
        return undefined;
      },
    },
    options,
  );
}

/** CAs of which there was a revocation list, and is none any more. One that is gone itself vouches for nobody. */
class GoneLists {
  readonly #seen = new Set<string>();

  after({ cas, crls }: Pick<TrustStore, 'cas' | 'crls'>): readonly string[] {
    const issuers = new Set(crls.map(({ issuer }) => issuer));
    for (const issuer of issuers) this.#seen.add(issuer);
    return cas.filter((ca) => this.#seen.has(ca) && !issuers.has(ca));
  }
}

/** Errors: EmpaError trust-unreadable, trust-empty, trust-unstable. */
export function watchTrust(options: MaterialOptions): Promise<Reloadable<TrustStore>> {
  const { config, context, metrics } = options;
  const { directory, stability, crl } = config.trust;
  const warn = whenNew((problems) => context.log.warn('files of the trust directory are left out', { problems }));
  const gone = 'revocation lists that were in use are gone: certificates of these CAs are accepted without one';
  const warnOfGone = whenNew((cas) => context.log.warn(gone, { cas }));
  const lists = new GoneLists();
  let earlier: TrustStore | undefined;
  return watchMaterial(
    'trust',
    {
      files: [directory],
      stabilityMs: stability,
      load: () => whenStable(() => loadTrustStore(directory, { now: options.now(), stabilityMs: stability, earlier }), isUnstable),
      inUse: (trust) => {
        earlier = trust;
        // Where lists are required such certificates are refused, and that is told.
        const cas = crl === 'if-present' ? lists.after(trust) : [];
        metrics.trustProblems.set(trust.problems.length + cas.length);
        warn(trust.problems.slice(0, SHOWN_PROBLEMS));
        warnOfGone(cas.slice(0, SHOWN_PROBLEMS));
        metrics.crls(trust.crls);
        return undefined;
      },
    },
    options,
  );
}

function isUnstable(error: unknown): boolean {
  return (
    (error instanceof EmpaError && error.code === 'trust-unstable') || (error instanceof ReceiverError && error.code === 'list-unstable')
  );
}

/** Errors: those of loadCredentials. A certificate that ends while the service runs still decrypts, but readiness says that it ended. */
export async function watchCredentials(options: MaterialOptions): Promise<Reloadable<Credentials>> {
  const { config, context, metrics, now } = options;
  const validity = ({ own: { certificate } }: Credentials): string | undefined =>
    now() < certificate.notAfter ? undefined : `the certificate ended at ${certificate.notAfter.toISOString()}`;
  const warn = whenNew((warnings) => context.log.warn('the identity has a problem', { warnings }));
  const credentials = await watchMaterial(
    'identity',
    {
      files: credentialFiles(config),
      load: () => loadCredentials(config, now()),
      inUse: (value) => {
        metrics.certificate('identity', value.own.certificate.notAfter);
        warn(value.own.warnings);
        return validity(value);
      },
    },
    options,
  );
  const timer = setInterval(() => {
    const ended = validity(credentials.current);
    if (ended !== undefined) context.health.set('identity', ended);
  }, EXPIRY_LOOK_MS);
  context.onStop('identity expiry', () => clearInterval(timer));
  return credentials;
}
