/** Certificate, trust, CRLs, recipients, lists. */
import { type DistinguishedName, type Identity, loadIdentity, type TrustStore, verifyCertificate } from '@ssm/empa';
import { loadCredentials, loadSignerLists, type ReceiverConfig, readDnLine, type SignerLists } from '@ssm/receiver';
import { judgeRecipients, loadRecipients, type SenderConfig } from '@ssm/sender';
import type { Loaded } from '../config.js';
import { trustOf } from '../keys.js';
import { type Finding, fail, look, ok, warn } from './report.js';

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;
const SHOWN = 3;

export interface Keys {
  readonly identity: Identity | undefined;
  readonly trust: TrustStore | undefined;
  readonly findings: readonly Finding[];
}

/** What there is, and what is wrong with it. Never rejects. */
export async function checkKeys(loaded: Loaded, now: Date): Promise<Keys> {
  let identity: Identity | undefined;
  let trust: TrustStore | undefined;
  const certificate = await look('certificate', async () => {
    identity = await loadIdentity(loaded.config.identity, { now });
    return identityFindings(identity, now);
  });
  const anchors = await look('trust', async () => {
    trust = await trustOf(loaded, now);
    return trustFindings(trust, now);
  });
  const chain =
    identity === undefined || trust === undefined ? [] : await look('chain', async () => [chainFinding(identity, trust, loaded, now)]);
  return { identity, trust, findings: [...certificate, ...anchors, ...chain] };
}

function identityFindings({ certificate, warnings }: Identity, now: Date): Finding[] {
  const days = Math.floor((certificate.notAfter.getTime() - now.getTime()) / DAY_MS);
  const text = `${certificate.subject.toString()}, until ${certificate.notAfter.toISOString().slice(0, 10)} (${days} days)`;
  const certificateFinding =
    days < SOON_DAYS ? warn('certificate', text, 'renew it: nothing is sealed or decrypted with an expired one') : ok('certificate', text);
  const group = warnings.filter(({ code }) => code === 'key-group-readable');
  return [certificateFinding, ...group.map(({ message }) => warn('key', message, 'chmod 0400, owned by the user of the service'))];
}

function trustFindings({ anchors, crls, directory, problems }: TrustStore, now: Date): Finding[] {
  const old = crls.filter(({ nextUpdate }) => nextUpdate !== undefined && nextUpdate <= now);
  const named = old.slice(0, SHOWN).map(({ issuer }) => issuer);
  return [
    ok('trust', `${directory}: ${anchors.length} CAs, ${crls.length} CRLs`),
    ...problems.slice(0, SHOWN).map(({ file, message }) => warn('trust', `${file}: ${message}`, 'it is left out: repair or remove it')),
    ...(old.length === 0
      ? []
      : [
          warn(
            'CRLs',
            `${old.length} are out of date: ${named.join(', ')}${old.length > SHOWN ? ', ...' : ''}`,
            'run fetch-crl, and see why it did not run',
          ),
        ]),
  ];
}

/** The receiver of our messages has the same CAs, as a rule: what does not verify here does not there. */
function chainFinding(identity: Identity | undefined, trust: TrustStore | undefined, { config }: Loaded, now: Date): Finding {
  if (identity === undefined || trust === undefined) throw new Error('nothing to verify');
  verifyCertificate(identity.certificate, identity.intermediates, trust, { now, policy: config.trust });
  return ok('chain', `the own certificate verifies: CRLs ${config.trust.crl}, signing policies ${config.trust.signingPolicy}`);
}

/** Never rejects. */
export async function checkRecipients({ encryption, trust: policy }: SenderConfig, keys: Keys, now: Date): Promise<readonly Finding[]> {
  if (encryption.recipients.length === 0) return [ok('encryption', 'off: messages are signed only')];
  return await look('encryption', async () => {
    const recipients = await loadRecipients(encryption.recipients);
    const { identity, trust } = keys;
    if (identity !== undefined)
      judgeRecipients(recipients, { identity, trust: encryption.verifyRecipients ? trust : undefined, policy, now });
    return recipients.map(({ certificate }) => ok('encryption', `for ${certificate.subject.toString()}`));
  });
}

/** Never rejects. */
export async function checkLists(config: ReceiverConfig, dn: string | undefined): Promise<readonly Finding[]> {
  return await look('authorisation', async () => {
    const lists = await loadSignerLists(config.authorisation);
    const { allow, deny } = config.authorisation;
    const counts = ok('authorisation', `${allow}: ${lists.allow.length} DNs${deny === '' ? '' : `; ${deny}: ${lists.deny.length} denied`}`);
    const doubts = lists.doubts
      .slice(0, SHOWN)
      .map((text) => warn('authorisation', text, 'correct the line, or leave it if it is meant so'));
    return [counts, ...doubts, ...(dn === undefined ? [] : dnFindings(lists, dn, config))];
  });
}

/** Read as a line of the list would be. */
function dnFindings(lists: SignerLists, dn: string, { authorisation: { allow, deny } }: ReceiverConfig): Finding[] {
  const {
    doubt,
    rule: { name },
  } = readDnLine(dn);
  const doubts = doubt === undefined ? [] : [warn('DN', doubt, 'correct it, or leave it if it is meant so')];
  const judgement = lists.judge(name);
  if (judgement === 'allowed') return [...doubts, ok('DN', `${name.toString()} may send`)];
  const detail = `${judgement}: ${name.toString()} may not send`;
  if (judgement === 'dn-denied') return [...doubts, { what: 'DN', state: 'FAIL', detail, advice: `take it off ${deny}` }];
  const wanted = inAnyOrder(name);
  const other = lists.allow.find((line) => inAnyOrder(readDnLine(line).rule.name) === wanted);
  const advice =
    other === undefined
      ? `add it to ${allow}: it is read again by itself`
      : `${allow} has the same attributes in another order, ${other.trim()}: write the line as the certificate has it`;
  return [...doubts, { what: 'DN', state: 'FAIL', detail, advice }];
}

function inAnyOrder({ attributes }: DistinguishedName): string {
  return JSON.stringify(attributes.map(({ type, value }) => JSON.stringify([type, value])).toSorted());
}

/** Never rejects. */
export async function checkEarlier(config: ReceiverConfig, now: Date): Promise<readonly Finding[]> {
  if (config.decryption.identities.length === 0) return [];
  try {
    const { decryption } = await loadCredentials(config, now);
    return [ok('decryption', `${decryption.length} identities`)];
  } catch (error) {
    return [fail('decryption', error)];
  }
}
