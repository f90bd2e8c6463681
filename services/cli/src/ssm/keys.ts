/** Keys and trust of a configuration, loaded once, for the tools that seal, open and explain. */
import { type Identity, loadIdentity, loadTrustStore, type TrustStore } from '@ssm/empa';
import { loadCredentials, loadSignerLists, type SignerLists, verificationRules } from '@ssm/receiver';
import type { Loaded } from './config.js';
import type { Judge } from './explain.js';

/** Errors: those of loadIdentity, loadCredentials, loadTrustStore, loadSignerLists. */
export async function judgeOf(loaded: Loaded, now: Date): Promise<Judge> {
  return {
    rules: rulesOf(loaded),
    identities: await identitiesOf(loaded, now),
    trust: await trustOf(loaded, now),
    lists: await listsOf(loaded),
    utf8: loaded.service === 'receiver' && loaded.config.verification.utf8,
    now,
  };
}

function rulesOf({ service, config }: Loaded): Judge['rules'] {
  if (service === 'receiver') return verificationRules(config);
  return { policy: config.trust, limits: { messageBytes: config.limits.message, bodyBytes: config.limits.body } };
}

async function identitiesOf({ service, config }: Loaded, now: Date): Promise<readonly Identity[]> {
  return service === 'receiver' ? (await loadCredentials(config, now)).decryption : [await loadIdentity(config.identity, { now })];
}

/** A directory that is just being renewed is as good as it is: nothing is stored by what it says. */
export function trustOf({ config }: Loaded, now: Date): Promise<TrustStore> {
  return loadTrustStore(config.trust.directory, { now, stabilityMs: 0 });
}

async function listsOf({ service, config }: Loaded): Promise<SignerLists | undefined> {
  return service === 'receiver' ? await loadSignerLists(config.authorisation) : undefined;
}
