/** Why a message was refused, step by step; and whether it would be now. */
import { isUtf8 } from 'node:buffer';
import { EmpaError, type Identity, type OpenedMessage, type OpenOptions, openMessage, type PassedStep } from '@ssm/empa';
import type { SignerLists } from '@ssm/receiver';
import { textOf } from './main.js';

const EXPLAINED_STEPS = [
  'parse',
  'decrypt',
  'signer',
  'signature',
  'contents',
  'chain',
  'revocation',
  'signing-policy',
  'authorised',
] as const;
export type ExplainedStep = (typeof EXPLAINED_STEPS)[number];

export interface StepVerdict {
  readonly step: ExplainedStep;
  readonly state: 'ok' | 'failed' | 'not reached' | 'not asked';
  readonly detail: string;
}

export interface Explanation {
  readonly steps: readonly StepVerdict[];
  /** Code of the failure; undefined: it passes everything. */
  readonly code: string | undefined;
  readonly opened: OpenedMessage | undefined;
}

export interface Judge {
  readonly rules: Omit<OpenOptions, 'identities' | 'trust' | 'now' | 'onStep'>;
  readonly identities: readonly Identity[];
  readonly trust: OpenOptions['trust'];
  /** undefined: who signed is not judged. */
  readonly lists: SignerLists | undefined;
  /** Only files that are UTF-8 text are taken. */
  readonly utf8: boolean;
  readonly now: Date;
}

/** What each step has shown when it is passed. */
const PASSED: Readonly<Record<PassedStep['step'], (facts: PassedStep['facts']) => string>> = {
  parse: ({ bytes, encrypted }) => `S/MIME, ${bytes} bytes, ${encrypted === true ? 'encrypted' : 'not encrypted'}`,
  decrypt: ({ encrypted }) => (encrypted === true ? 'with a key of this host' : 'nothing to decrypt'),
  signer: ({ certificates }) => `one signature; certificates in the message: ${certificates}`,
  signature: ({ signer, serial, signed }) => `good, by ${signer}, serial ${serial}, signed at ${signed}`,
  contents: ({ bytes, deliveryId }) => `${bytes} bytes, delivery id ${deliveryId}`,
  chain: () => 'leads to a trust anchor, every link is good',
  revocation: () => 'not revoked, as far as the rules ask',
  'signing-policy': () => 'covers the signer, as far as the rules ask',
};

/** Never rejects for what is wrong with the message. */
export async function explain(raw: Uint8Array, judge: Judge): Promise<Explanation> {
  const { rules, identities, trust, now } = judge;
  const passed: PassedStep[] = [];
  try {
    const opened = await openMessage(raw, { ...rules, identities, trust, now, onStep: (step) => passed.push(step) });
    const verdict = authorisation(opened, judge);
    const steps = [...passed.map(okOf), verdict];
    return { steps, opened, code: verdict.state === 'failed' ? verdict.detail.split(':')[0] : undefined };
  } catch (error) {
    if (!(error instanceof EmpaError)) throw error;
    return { steps: failedAt(passed, error), opened: undefined, code: error.code };
  }
}

function okOf({ step, facts }: PassedStep): StepVerdict {
  return { step, state: 'ok', detail: PASSED[step](facts) };
}

function authorisation({ signer, body }: OpenedMessage, { lists, utf8 }: Pick<Judge, 'lists' | 'utf8'>): StepVerdict {
  if (lists === undefined) return { step: 'authorised', state: 'not asked', detail: 'there is no list of DNs in this configuration' };
  const judgement = lists.judge(signer);
  if (judgement === 'allowed' && utf8 && !isUtf8(body))
    return { step: 'authorised', state: 'failed', detail: 'not-utf8: the signer is on the allow list, the file is not UTF-8 text' };
  if (judgement === 'allowed') return { step: 'authorised', state: 'ok', detail: 'the signer is on the allow list' };
  const list = judgement === 'dn-denied' ? 'on the deny list' : 'not on the allow list';
  return { step: 'authorised', state: 'failed', detail: `${judgement}: ${signer.toString()} is ${list}` };
}

/** What came before the step of the error passed, though the last ones tell no facts of it. */
function failedAt(passed: readonly PassedStep[], error: EmpaError): StepVerdict[] {
  const known = new Map<ExplainedStep, StepVerdict>(passed.map((each) => [each.step, okOf(each)]));
  const failing = stepOf(error, known.has('signature'));
  const at = EXPLAINED_STEPS.indexOf(failing);
  return EXPLAINED_STEPS.map((step, index) => {
    if (index === at) return { step, state: 'failed', detail: textOf(error) };
    if (index > at) return { step, state: 'not reached', detail: '' };
    return known.get(step) ?? { step, state: 'ok', detail: '' };
  });
}

function stepOf({ step = 'parse' }: EmpaError, signed: boolean): ExplainedStep {
  return step === 'parse' && signed ? 'contents' : step;
}

/** Of a message of which only the decoded body was kept: its signature was good, and it failed behind that. */
export function recorded(code: string, reason: string, signer: string): Explanation {
  const failing = code === 'certificate-revoked' ? 'revocation' : 'chain';
  const at = EXPLAINED_STEPS.indexOf(failing);
  const steps = EXPLAINED_STEPS.map((step, index): StepVerdict => {
    if (index === at) return { step, state: 'failed', detail: `${code}: ${reason} (as recorded)` };
    if (index > at) return { step, state: 'not reached', detail: '' };
    return { step, state: 'ok', detail: step === 'signature' ? `good, by ${signer} (as recorded)` : '(as recorded)' };
  });
  return { steps, code, opened: undefined };
}
