/** Key, certificates and trust: loaded, watched, replaced as a whole when they change, the last good ones kept. */
import { readFile } from 'node:fs/promises';
import { EmpaError, type Identity, loadIdentity, loadTrustStore, type TrustStore, type VerifyPolicy, verifyCertificate } from '@ssm/empa';
import { type Reloadable, watchFiles, whenStable } from '@ssm/service-kit';
import type { SenderConfig } from './config.js';
import { SenderError } from './errors.js';
import { judgeRecipients, loadRecipients, type Recipient } from './recipients.js';

/** How often recipients are verified again though nothing changed: certificates and CRLs run out. */
const JUDGEMENT_MS = 10_000;

export type MaterialName = 'identity' | 'trust' | 'recipients' | 'broker-ca';

export interface MaterialEvents {
  readonly changed: (name: MaterialName) => void;
  readonly failed: (name: MaterialName, error: Error) => void;
}

export interface Materials {
  readonly identity: Reloadable<Identity>;
  readonly trust: Reloadable<TrustStore>;
  readonly recipients: Reloadable<readonly Recipient[]>;
  /** Of broker.tls.ca; undefined: the anchors of the trust directory. */
  readonly brokerCa: Reloadable<string> | undefined;
  /** What a message is sealed with now. Throws SenderError identity-not-valid, recipient-is-self, recipient-not-valid. */
  forSealing(): { readonly identity: Identity; readonly recipients: readonly Recipient[] };
  /** Why the own certificate does not verify here, when forSealing() looked last; the receiver may have other CAs and CRLs. */
  chainFault(): Error | undefined;
  check(): Promise<void>;
  close(): void;
}

/**
 * Loads everything, and judges it. Rejects with what a start must be refused for: EmpaError of loadIdentity and loadTrustStore,
 * SenderError of loadRecipients and judgeRecipients, broker-ca-unreadable.
 */
export async function loadMaterials(config: SenderConfig, now: () => Date, events: MaterialEvents): Promise<Materials> {
  const opened: Reloadable<unknown>[] = [];
  const watch = async <T>(
    name: MaterialName,
    files: readonly string[],
    load: () => Promise<T>,
    stabilityMs = 0,
  ): Promise<Reloadable<T>> => {
    const value = await watchFiles({
      watch: () => files,
      load,
      stabilityMs,
      maximumAgeMs: config.trust.maximumAge,
      onChange: () => events.changed(name),
      onFailure: (error) => events.failed(name, error),
    });
    opened.push(value);
    return value;
  };
  const close = (): void => {
    for (const value of opened) value.close();
  };
  const { directory, stability } = config.trust;
  const { ca } = config.broker.tls;
  let earlier: TrustStore | undefined;
  try {
    const sources = {
      identity: await watch('identity', [config.identity.certificate, config.identity.key], () =>
        loadIdentity(config.identity, { now: now() }),
      ),
      trust: await watch(
        'trust',
        [directory],
        async () => {
          earlier = await whenStable(() => loadTrustStore(directory, { now: now(), stabilityMs: stability, earlier }), isUnstable);
          return earlier;
        },
        stability,
      ),
      recipients: await watch('recipients', config.encryption.recipients, () => loadRecipients(config.encryption.recipients)),
      brokerCa: ca === '' ? undefined : await watch('broker-ca', [ca], () => readBundle(ca)),
    };
    const judge = createJudge(sources, config, now);
    judge.forSealing();
    return { ...sources, ...judge, close, check: async () => void (await Promise.all(opened.map((value) => value.check()))) };
  } catch (error) {
    close();
    throw error;
  }
}

type Sources = Pick<Materials, 'identity' | 'trust' | 'recipients'>;

type Judge = Pick<Materials, 'forSealing' | 'chainFault'>;

interface Judged {
  readonly materials: ReturnType<Materials['forSealing']>;
  readonly trust: Sources['trust']['current'];
  /** ms since 1970. */
  readonly until: number;
}

function isOf({ materials, trust }: Judged, sources: Sources): boolean {
  return (
    materials.identity === sources.identity.current &&
    materials.recipients === sources.recipients.current &&
    trust === sources.trust.current
  );
}

function createJudge(sources: Sources, config: SenderConfig, now: () => Date): Judge {
  const { identity, trust, recipients } = sources;
  const policy: VerifyPolicy = { crl: config.trust.crl, signingPolicy: config.trust.signingPolicy };
  let judged: Judged | undefined;
  let chainFault: Error | undefined;
  const forSealing: Materials['forSealing'] = () => {
    const at = now();
    const { notBefore, notAfter } = identity.current.certificate;
    if (at < notBefore || at >= notAfter) {
      throw new SenderError('identity-not-valid', `the certificate is valid from ${notBefore.toISOString()} to ${notAfter.toISOString()}`);
    }
    if (judged !== undefined && at.getTime() < judged.until && isOf(judged, sources)) return judged.materials;
    const materials = { identity: identity.current, recipients: recipients.current };
    chainFault = chainFaultOf(materials.identity, trust.current, { now: at, policy });
    judgeRecipients(materials.recipients, {
      identity: materials.identity,
      trust: config.encryption.verifyRecipients ? trust.current : undefined,
      policy,
      now: at,
    });
    const until = Math.min(at.getTime() + JUDGEMENT_MS, ...materials.recipients.map((one) => one.certificate.notAfter.getTime()));
    judged = { materials, trust: trust.current, until };
    return materials;
  };
  return { forSealing, chainFault: () => chainFault };
}

/** What is signed with a revoked certificate is refused for good. Throws SenderError identity-not-valid. */
function chainFaultOf(
  { certificate, intermediates }: Identity,
  trust: TrustStore,
  options: { readonly now: Date; readonly policy: VerifyPolicy },
): Error | undefined {
  try {
    verifyCertificate(certificate, intermediates, trust, options);
    return undefined;
  } catch (error) {
    if (!(error instanceof EmpaError)) throw error;
    if (error.code === 'certificate-revoked') throw new SenderError('identity-not-valid', error.message, { cause: error });
    return error;
  }
}

function isUnstable(error: unknown): boolean {
  return error instanceof EmpaError && error.code === 'trust-unstable';
}

async function readBundle(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SenderError('broker-ca-unreadable', `cannot read ${path} (broker.tls.ca)`, { cause });
  }
}
