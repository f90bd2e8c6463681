/** ssmsend and ssmreceive: the services of this project, started as the Python SSM is. */
import {
  commandLineFaults,
  EXIT_CODES,
  flushed,
  type LifecycleSettings,
  type Preset,
  renderHelp,
  runService,
  type ServiceDefinition,
  ServiceError,
  type ServiceHost,
  type Settings,
} from '@ssm/service-kit';
import { type ClassicArguments, type ClassicOption, readClassicArguments } from './arguments.js';
import type { ServiceName } from './keys.js';
import { readServiceConfig } from './source.js';

/** A wrong command line, as Python's argparse has it. */
const EXIT_USAGE = 2;
const CONFIG_VARIABLE = 'SSM_CONFIG';

export interface ClassicCommand<S extends LifecycleSettings & Settings> {
  readonly name: 'ssmsend' | 'ssmreceive';
  readonly service: ServiceName;
  readonly definition: ServiceDefinition<S>;
  readonly defaultFile: string;
  readonly without: readonly ClassicOption[];
  /** Settings that differ from the service's own defaults, however it is configured. */
  readonly presets: Readonly<Record<string, string>>;
  readonly help: string;
}

/** Resolves with 0, 1 (whatever failed) or 2 (a wrong command line); never rejects. */
export async function runClassic<const S extends LifecycleSettings & Settings>(
  command: ClassicCommand<S>,
  host: ServiceHost,
): Promise<number> {
  const given = readClassicArguments(host.args, command.without);
  const faults = faultsOf(command, given);
  if (faults.length > 0) {
    host.stderr.write(`${faults.map((fault) => `${command.name}: ${fault}\n`).join('')}Try '${command.name} --help'.\n`);
    return EXIT_USAGE;
  }
  if (given.show !== undefined) {
    host.stdout.write(textOf(command, given.show));
    await flushed(host.stdout);
    return EXIT_CODES.ok;
  }
  try {
    const code = await runService(command.definition, hostOf(command, given, host));
    return code === EXIT_CODES.ok ? EXIT_CODES.ok : EXIT_CODES.failed;
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    host.stderr.write(`${command.name}: ${error.message}\n`);
    return EXIT_CODES.failed;
  }
}

/** What is wrong with the command line. */
function faultsOf<S extends LifecycleSettings & Settings>({ definition }: ClassicCommand<S>, given: ClassicArguments): readonly string[] {
  if (given.fault !== undefined) return [given.fault];
  return given.show === undefined ? commandLineFaults(definition.settings, settingArgs(given)) : [];
}

function settingArgs({ dnFile, rest }: ClassicArguments): readonly string[] {
  return [...(dnFile === undefined ? [] : [`--authorisation.allow=${dnFile}`]), ...rest];
}

function textOf<S extends LifecycleSettings & Settings>(
  { definition, help, name }: ClassicCommand<S>,
  what: NonNullable<ClassicArguments['show']>,
): string {
  if (what === 'version') return `SSM ${definition.version}\n`;
  return what === 'help' ? help : renderHelp({ name, version: definition.version }, definition.settings);
}

/** The same process with the old file, where there is one, as a source that weighs least. Throws ServiceError `config-unreadable`. */
function hostOf<S extends LifecycleSettings & Settings>(
  command: ClassicCommand<S>,
  given: ClassicArguments,
  host: ServiceHost,
): ServiceHost {
  const { [CONFIG_VARIABLE]: variable, ...env } = host.env;
  const file = given.config ?? (variable === undefined || variable === '' ? command.defaultFile : variable);
  const { preset } = readServiceConfig(file, command.service);
  const args = [...(preset === undefined ? ['--config', file] : []), ...settingArgs(given)];
  return { ...host, program: command.name, env, args, preset: completed(command, given, preset) };
}

/** People read the log of an old host, as they did. */
const FOR_OLD_FILES = { 'log.format': 'text' };

function completed<S extends LifecycleSettings & Settings>(
  { name, presets }: ClassicCommand<S>,
  { logConfig }: ClassicArguments,
  preset: Preset | undefined,
): Preset {
  const all = preset === undefined ? presets : { ...FOR_OLD_FILES, ...presets };
  const values = new Map(Object.entries(all).map(([key, raw]) => [key, { source: name, raw }]));
  const ignored = logConfig === undefined ? [] : ['option -l: the logging configuration of Python is not read'];
  return {
    values: new Map([...values, ...(preset?.values ?? [])]),
    faults: preset?.faults ?? [],
    warnings: [...(preset?.warnings ?? []), ...ignored],
  };
}
