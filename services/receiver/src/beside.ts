import process from 'node:process';
import { runService, type ServiceDefinition } from '@ssm/service-kit';

/** runService() for a command that takes the receiver's configuration while a receiver may run: the configured port may be that one's. */
export async function runBeside<const S extends Parameters<typeof runService>[0]['settings']>(
  definition: ServiceDefinition<S>,
): Promise<number> {
  const { argv, env, stderr, stdout } = process;
  const args = argv.slice(2);
  return await runService(definition, {
    args: args.some((arg) => arg.startsWith('--ops.port')) ? args : [...args, '--ops.port=0'],
    env,
    stdout,
    stderr,
    events: process,
    exit: (code) => process.exit(code),
  });
}
