import { runService, type ServiceDefinition, thisHost } from '@ssm/service-kit';

/** runService() for a command that takes the receiver's configuration while a receiver may run: the configured port may be that one's. */
export async function runBeside<const S extends Parameters<typeof runService>[0]['settings']>(
  definition: ServiceDefinition<S>,
): Promise<number> {
  const host = thisHost();
  const { args } = host;
  return await runService(definition, {
    ...host,
    args: args.some((arg) => arg.startsWith('--ops.port')) ? args : [...args, '--ops.port=0'],
  });
}
