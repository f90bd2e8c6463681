/** The command line of ssmsend and ssmreceive: the options of the Python SSM; everything else is a setting of the service. */
import { parseArgs } from 'node:util';

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  dn_file: { type: 'string', short: 'd' },
  log_config: { type: 'string', short: 'l' },
  help: { type: 'boolean', short: 'h' },
  'help-settings': { type: 'boolean' },
  version: { type: 'boolean', short: 'v' },
} as const;

export type ClassicOption = keyof typeof OPTIONS;

export interface ClassicArguments {
  readonly config: string | undefined;
  readonly dnFile: string | undefined;
  readonly logConfig: string | undefined;
  readonly show: 'help' | 'help-settings' | 'version' | undefined;
  /** For the service, as they were given. */
  readonly rest: readonly string[];
  /** What is wrong; the rest then means nothing. */
  readonly fault: string | undefined;
}

/** `without`: options that the command does not have. */
export function readClassicArguments(args: readonly string[], without: readonly ClassicOption[] = []): ClassicArguments {
  const options = Object.fromEntries(Object.entries(OPTIONS).filter(([name]) => !without.some((each) => each === name)));
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const own = tokens.flatMap((token) => (token.kind === 'option' && Object.hasOwn(options, token.name) ? [token] : []));
  const taken = new Set(own.flatMap(({ index, inlineValue }) => (inlineValue === false ? [index, index + 1] : [index])));
  const rest = args.filter((_, index) => !taken.has(index));
  const values = new Map(own.map(({ name, value }) => [name, value]));
  const repeated = own.filter(({ name }, index) => own.findIndex((each) => each.name === name) < index);
  const empty = own.filter(({ name, value }) => options[name]?.type === 'string' && (value ?? '--').replace(/^--.*/s, '') === '');
  const [fault] = [
    ...empty.map(({ rawName }) => `option ${rawName}: needs a value`),
    ...repeated.map(({ rawName }) => `option ${rawName}: given more than once`),
    ...rest.filter((arg) => /^-[^-]/.test(arg)).map((arg) => `option ${JSON.stringify(arg.slice(0, 2))}: unknown`),
  ];
  return {
    config: values.get('config'),
    dnFile: values.get('dn_file'),
    logConfig: values.get('log_config'),
    show: (['help', 'help-settings', 'version'] as const).find((name) => values.has(name)),
    rest,
    fault,
  };
}
