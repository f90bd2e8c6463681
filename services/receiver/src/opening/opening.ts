/** A message is opened: here, or, but for the judgement of its signer, on another thread while this one is the limit. */
import { availableParallelism } from 'node:os';
import {
  type Identity,
  type JudgeOptions,
  judgeMessage,
  knownCertificates,
  type OpenedMessage,
  type OpenOptions,
  openMessage,
  type TrustStore,
} from '@ssm/empa';
import type { ServiceContext } from '@ssm/service-kit';
import { alone } from './batch.js';
import { JobThread } from './job-thread.js';
import { type OpenJob, type OpenSetup, openSetup, type ThreadMessage } from './open-job.js';
import { TimeSlice } from './time-slice.js';

/** Larger ones are opened here: the thread has copies. */
const MAXIMUM_BYTES = 1024 * 1024;
/** Bytes of messages that the thread has at a time. */
const MAXIMUM_GIVEN = 16 * MAXIMUM_BYTES;

export interface Opening {
  /** Rejects as openMessage() does. */
  readonly open: (raw: Uint8Array) => Promise<OpenedMessage>;
  readonly close: () => Promise<void>;
}

export interface OpeningParts {
  readonly rules: Omit<OpenOptions, 'identities' | 'trust' | 'now' | 'onStep'>;
  readonly identities: () => readonly Identity[];
  readonly trust: () => TrustStore;
  readonly now: () => Date;
  readonly context: Pick<ServiceContext, 'log' | 'metrics'>;
  /** For tests: processors. */
  readonly processors?: number;
}

export function createOpening({ rules, identities, trust, now, context, processors = availableParallelism() }: OpeningParts): Opening {
  const thread = new JobThread<OpenSetup, OpenJob, ThreadMessage>({
    module: new URL('open-thread.js', import.meta.url),
    onFailure: (error) => context.log.warn('the thread that opens messages failed; they are opened without it for a minute', { error }),
    disabled: processors < 2,
  });
  const setup = setupOf(rules);
  const slice = new TimeSlice();
  context.metrics.gauge('ssm_worker_threads', 'Threads that open messages beside the main one.', [], (gauge) =>
    gauge.set(thread.isReady ? 1 : 0),
  );
  let given = 0;
  const onThread = async (raw: Uint8Array): Promise<ThreadMessage | undefined> => {
    if (raw.length > MAXIMUM_BYTES || given + raw.length > MAXIMUM_GIVEN) return undefined;
    given += raw.length;
    try {
      return await thread.run(setup(identities()), () => ({ raw: alone(raw) }));
    } catch (error) {
      // Whatever is wrong here is no fault of the message.
      context.log.warn('a message could not be given to the thread that opens messages', { error });
      return undefined;
    } finally {
      given -= raw.length;
    }
  };
  return {
    open: async (raw) => {
      const read = await onThread(raw);
      return await slice.run(() => {
        const options = { ...rules, trust: trust(), now: now() };
        return read === undefined ? openMessage(raw, { ...options, identities: identities() }) : judge(read, options);
      });
    },
    close: () => thread.close(),
  };
}

function judge({ signer, ...message }: ThreadMessage, options: JudgeOptions): OpenedMessage {
  const known = knownCertificates(options.trust);
  const bag = message.bag.map((der) => known.read(Buffer.from(der.buffer, der.byteOffset, der.byteLength)));
  const certificate = bag[signer];
  if (certificate === undefined) throw new RangeError('a signer without a certificate');
  return judgeMessage({ ...message, certificate, bag }, options);
}

/** The same object as long as the identities are. */
function setupOf(rules: OpenSetup['rules']): (identities: readonly Identity[]) => OpenSetup {
  let last: { readonly identities: readonly Identity[]; readonly setup: OpenSetup } | undefined;
  return (identities) => {
    if (last?.identities !== identities) last = { identities, setup: openSetup(identities, rules) };
    return last.setup;
  };
}
