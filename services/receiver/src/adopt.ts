import { type ConfigOf, type Logger, type Running, type ServiceContext, ServiceError, setting } from '@ssm/service-kit';
import { type SharedVolume, type SharedVolumes, VOLUME_LEASE_MS } from '@ssm/spool';
import { receiverSettings } from './config.js';
import { createStation, type StationOptions } from './station.js';

/** Those of the receiver, and what is asked of this command. */
export const adoptSettings = {
  ...receiverSettings,
  volume: setting({
    doc: 'Name of a lost volume: what it has half-way may be stored by others; empty: only shows the volumes.',
    format: 'string',
    default: '',
  }),
  force: setting({ doc: 'Adopts a volume that was heard of within the last two minutes.', format: 'boolean', default: false }),
  emptyServer: setting({ doc: 'Goes on with a server that lost what it knew of deliveries.', format: 'boolean', default: false }),
};

export type AdoptConfig = ConfigOf<typeof adoptSettings>;

/**
 * Shows the volumes that share a record, and carries out what an operator has decided, then ends: exit code 1 when it was refused. Rejects
 * with ServiceError config-invalid, SpoolError, and what createStation throws.
 */
export async function startAdopt(config: AdoptConfig, context: ServiceContext, options: StationOptions = {}): Promise<Running> {
  if (config.deduplication.server === '')
    throw new ServiceError('config-invalid', 'deduplication.server is not set: the record of this receiver is not shared');
  const { local, trust } = await createStation(config, context, options);
  await trust.ready(false);
  const { sharing } = local.incoming.record;
  return { done: sharing === undefined ? Promise.resolve(0) : decide(config, sharing.volumes, context.log) };
}

async function decide({ emptyServer, force, volume }: AdoptConfig, volumes: SharedVolumes, log: Logger): Promise<number> {
  const [own, all] = [await volumes.own(), await volumes.list()];
  for (const one of all) log.info('volume', { ...shown(one), own: one.name === own });
  if (emptyServer && (await volumes.acceptServer()))
    log.warn('the server is accepted: what volumes have not told it again may be stored twice');
  else if (emptyServer) log.info('the server knows its deliveries, there is nothing to accept');
  if (volume === '') return 0;
  const refusal = refusalOf(volume, own, all, force);
  if (refusal !== undefined) {
    log.error('the volume is not adopted', { volume, reason: refusal });
    return 1;
  }
  log.warn('what this volume has half-way may be stored by others now; what its loader may have seen of it already will be there twice', {
    volume,
    messages: all.find(({ name }) => name === volume)?.open,
  });
  log.info('the volume is adopted', { volume, messages: await volumes.adopt(volume) });
  return 0;
}

function refusalOf(volume: string, own: string, all: readonly SharedVolume[], force: boolean): string | undefined {
  if (volume === own) return 'it is the volume of this receiver, whose start finishes what is half-way';
  const known = all.find(({ name }) => name === volume);
  if (known === undefined) return 'there is no volume of this name';
  if (known.silentMs >= VOLUME_LEASE_MS || force) return undefined;
  const seconds = Math.round(known.silentMs / 1000);
  return `it was heard of ${seconds} s ago, and may still store what it has half-way. End its receivers and wait two minutes, or add --force`;
}

function shown({ label, name, open, seenAt, waits }: SharedVolume): Readonly<Record<string, unknown>> {
  return { volume: name, label, heardOf: seenAt, halfWay: open, waitsForAcceptance: waits };
}
