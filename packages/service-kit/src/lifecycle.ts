import type { LifecycleSettings } from './common-settings.js';
import { loadConfig } from './config.js';
import type { ConfigSources } from './config-sources.js';
import { CONFIG_VARIABLE } from './environment.js';
import { ServiceError } from './errors.js';
import { EXIT_CODES } from './exit-codes.js';
import { flushed } from './flush.js';
import { renderHelp } from './help.js';
import type { ServiceDefinition, ServiceHost } from './service.js';
import { ServiceRun } from './service-run.js';
import type { Settings } from './settings.js';
import { thisHost } from './this-process.js';

/** For a reader of standard error that does not read. */
const FLUSH_MS = 1_000;

/**
 * The whole life of a service process: configuration, log, metrics, health, start, signals, ordered stop. main.ts is
 * `await endProcess(await runService(definition))`. Resolves with the exit code, see EXIT_CODES; never rejects.
 */
export async function runService<const S extends LifecycleSettings & Settings>(
  definition: ServiceDefinition<S>,
  host: ServiceHost = thisHost(),
): Promise<number> {
  // A reader that went away must not end the service.
  for (const stream of [host.stdout, host.stderr]) stream.on('error', () => undefined);
  const own = readOwnOptions(host);
  if (!own.help && !own.version) return await runConfigured(definition, host, own);
  host.stdout.write(own.help ? renderHelp(definition, definition.settings) : `${definition.version}\n`);
  await flushed(host.stdout);
  return EXIT_CODES.ok;
}

async function runConfigured<const S extends LifecycleSettings & Settings>(
  definition: ServiceDefinition<S>,
  host: ServiceHost,
  { fault, file, settingArgs }: OwnOptions,
): Promise<number> {
  try {
    if (fault !== undefined) throw new ServiceError('config-invalid', fault);
    const config = loadConfig(definition.settings, sourcesOf(host, settingArgs, file));
    if (definition.admit !== undefined) await definition.admit(config);
    return await new ServiceRun(definition, config, host).run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    host.stderr.write(`${host.program ?? definition.name}: ${message}\n`);
    return error instanceof ServiceError ? EXIT_CODES.configuration : EXIT_CODES.failed;
  } finally {
    await flushed(host.stderr, FLUSH_MS);
  }
}

function sourcesOf({ env, preset }: ServiceHost, args: readonly string[], file: string | undefined): ConfigSources {
  return { env, args, ...(file === undefined ? {} : { file }), ...(preset === undefined ? {} : { preset }) };
}

interface OwnOptions {
  readonly help: boolean;
  readonly version: boolean;
  readonly file: string | undefined;
  readonly settingArgs: readonly string[];
  readonly fault: string | undefined;
}

/** `--help`, `--version` and `--config FILE` are the life cycle's; the rest are settings. */
function readOwnOptions({ args, env }: ServiceHost): OwnOptions {
  const isName = (index: number): boolean => args[index] === '--config';
  const files = args.flatMap((arg, index) =>
    isName(index) ? [args[index + 1]] : arg.startsWith('--config=') ? [arg.slice('--config='.length)] : [],
  );
  const settingArgs = args.filter((arg, index) => !isName(index) && !isName(index - 1) && !arg.startsWith('--config='));
  const [file = env[CONFIG_VARIABLE] === '' ? undefined : env[CONFIG_VARIABLE]] = files;
  const faulty = files.length > 1 || files.some((each) => each === undefined || each === '' || each.startsWith('--'));
  return {
    help: settingArgs.includes('--help') || settingArgs.includes('-h'),
    version: settingArgs.includes('--version'),
    file,
    settingArgs,
    fault: faulty ? 'option --config: needs the path of one file' : undefined,
  };
}
