/** The sender: how it starts and how it stops. */
import { type Running, type ServiceContext, ServiceError } from '@ssm/service-kit';
import { createPublisher } from './broker.js';
import type { SenderConfig } from './config.js';
import { runFlow } from './flow.js';
import { loadMaterials, type MaterialName, type Materials } from './materials.js';
import { createParts, mayPass, type Parts } from './parts.js';
import type { StageHook } from './pipeline.js';

export interface StartOptions {
  /** For tests: called at every stage boundary of every element. */
  readonly onStage?: StageHook;
  readonly now?: () => Date;
  readonly random?: () => number;
}

/**
 * Starts the service; health says from then on how well it does. With `once`, `done` resolves with the exit code.
 * Refuses to start with EmpaError (identity, trust directory), SenderError (recipients), SpoolError (volume),
 * ServiceError config-invalid.
 */
export async function startSender(config: SenderConfig, context: ServiceContext, options: StartOptions = {}): Promise<Running> {
  checkTimes(config);
  context.health.require('outgoing', 'identity', 'trust', 'broker');
  const parts = createParts(config, context, options);
  context.onStop('outgoing volume', () => parts.queue.close?.());
  await beginVolume(parts, config);
  const materials = await openMaterials(config, context, parts);
  context.onStop('materials', () => materials.close());
  const publisher = createPublisher(config, materials);
  context.onStop('broker', (deadline) => publisher.drain(deadline));
  return runFlow({ config, context, parts, materials, publisher, onStage: options.onStage });
}

/** A lock that is touched too seldom would be freed under a live sender. */
function checkTimes({ outgoing: { touchInterval, lockAge } }: SenderConfig): void {
  if (touchInterval * 2 <= lockAge) return;
  throw new ServiceError('config-invalid', 'outgoing.touchInterval must be at most half of outgoing.lockAge');
}

async function beginVolume({ begin, volume }: Parts, { once }: SenderConfig): Promise<void> {
  try {
    await begin();
    volume.scanned();
  } catch (error) {
    if (once || !mayPass(error)) throw error;
    volume.scanFailed(error);
  }
}

async function openMaterials(config: SenderConfig, context: ServiceContext, { readiness, wake, now }: Parts): Promise<Materials> {
  let opened: Materials | undefined;
  const loaded = (name: MaterialName): void => {
    if (opened === undefined) return;
    readiness.loaded(name, opened);
    readiness.sealing(opened);
    wake.ring();
  };
  opened = await loadMaterials(config, now, { changed: loaded, failed: (name, error) => readiness.failed(name, error) });
  for (const name of configured(config)) readiness.loaded(name, opened);
  const materials = opened;
  context.onReload('materials', () => materials.check());
  return materials;
}

function configured({ encryption, broker }: SenderConfig): readonly MaterialName[] {
  return [
    'identity',
    'trust',
    ...(encryption.recipients.length > 0 ? (['recipients'] as const) : []),
    ...(broker.tls.ca === '' ? [] : (['broker-ca'] as const)),
  ];
}
