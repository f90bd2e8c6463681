/** What a thread needs to read messages, and what it tells of one. All of it can be sent to and from a thread. */
import type { KeyObject } from 'node:crypto';
import { type Identity, KnownCertificates, parseCertificates, type ReadMessage, type ReadOptions, readMessage } from '@ssm/empa';
import { alone } from './batch.js';
import type { Answer } from './serve.js';

export interface OpenSetup {
  readonly identities: readonly { readonly certificate: Uint8Array; readonly privateKey: KeyObject }[];
  readonly rules: Pick<ReadOptions, 'limits' | 'allowTripleDes'>;
}

export interface OpenJob {
  readonly raw: Uint8Array;
}

/** A message with a good signature. */
export interface ThreadMessage extends Omit<ReadMessage, 'certificate' | 'bag'> {
  /** DER. */
  readonly bag: readonly Uint8Array[];
  /** Where the signer's is among them. */
  readonly signer: number;
}

/** Certificates that each thread remembers: whether somebody vouches for them is judged elsewhere. */
const REMEMBERED = 100;

export function openSetup(identities: readonly Identity[], { limits, allowTripleDes = false }: OpenSetup['rules']): OpenSetup {
  return {
    identities: identities.map(({ certificate, privateKey }) => ({ certificate: certificate.raw, privateKey })),
    rules: { allowTripleDes, ...(limits === undefined ? {} : { limits }) },
  };
}

/** The side of the thread. A message that cannot be read is left to whoever asked: the fault is found once more, and named, there. */
export function openJobs({ identities, rules }: OpenSetup): (job: OpenJob) => Answer<ThreadMessage> {
  const options: ReadOptions = { ...rules, identities: identities.map(identityOf) };
  const known = new KnownCertificates(REMEMBERED);
  return ({ raw }) => {
    try {
      const { bag, certificate, ...message } = readMessage(raw, options, known);
      known.remember(bag);
      const body = alone(message.body);
      const result = { ...message, body, bag: bag.map(({ raw: der }) => der), signer: bag.indexOf(certificate) };
      return { result, transfer: [body.buffer] };
    } catch {
      return { result: undefined };
    }
  };
}

function identityOf({ certificate: der, privateKey }: OpenSetup['identities'][number]): Identity {
  const [certificate] = parseCertificates(der);
  if (certificate === undefined) throw new TypeError('an identity without a certificate');
  return { certificate, intermediates: [], privateKey, warnings: [] };
}
