import type { Reloadable, ServiceContext } from '@ssm/service-kit';
import type { SignerLists } from './authorise.js';
import type { ReceiverConfig } from './config.js';
import type { Credentials } from './credentials.js';
import type { LateTrust } from './late-trust.js';
import type { Local } from './local.js';
import type { ReceiverMetrics } from './metrics.js';
import { createOpening } from './opening/opening.js';
import type { Pipeline } from './pipeline.js';
import { verificationRules } from './rules.js';
import { createStep, type StageHook } from './steps.js';

export interface PipelineParts {
  readonly config: ReceiverConfig;
  readonly context: Pick<ServiceContext, 'health' | 'log' | 'metrics' | 'onStop'>;
  readonly metrics: ReceiverMetrics;
  readonly local: Local;
  readonly lists: Reloadable<SignerLists>;
  readonly credentials: Reloadable<Credentials>;
  readonly trust: LateTrust;
  readonly now: () => Date;
  readonly onStage: StageHook | undefined;
}

/** Everything as it is at the moment when a message needs it: what was loaded again is used by the next message. */
export function createPipeline(parts: PipelineParts): Pipeline {
  const { config, context, credentials, lists, local, metrics, now, onStage, trust } = parts;
  const { open, close } = createOpening({
    rules: verificationRules(config),
    identities: () => credentials.current.decryption,
    trust: () => trust.current,
    now,
    context,
  });
  context.onStop('thread that opens messages', close);
  return {
    open,
    trustFailure: () => trust.failure,
    lists: () => lists.current,
    utf8: config.verification.utf8,
    incoming: local.incoming,
    space: local.space,
    rejects: local.rejects,
    rejectShelf: local.reject,
    step: createStep({
      observe: (stage, seconds) => metrics.stageDuration.observe({ stage }, seconds),
      moved: () => context.health.moved(),
      onStage,
    }),
    onConfirmFailure: (error) => {
      metrics.recordFailures.inc({ operation: 'confirm' });
      context.log.warn('the time of an acknowledgement could not be recorded', { error });
    },
  };
}
