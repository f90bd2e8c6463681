import type { ServiceHost } from '@ssm/service-kit';
import { refuseRoot } from '@ssm/spool';

/**
 * By hand root would take a queue from the service that it belongs to. A container is given its user on purpose: `container` is set by Podman
 * and systemd-nspawn, and in our image. SpoolError permission-denied.
 */
export async function admitRoot({ container = '' }: ServiceHost['env'], ...queues: readonly string[]): Promise<void> {
  if (container === '') await refuseRoot(...queues);
}
