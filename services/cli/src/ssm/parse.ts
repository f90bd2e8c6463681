import { parseArgs } from 'node:util';
import { closest } from '@ssm/service-kit';
import { type Command, type Given, type OptionSpec, type PositionalSpec, UsageError } from './command.js';

const HELP: OptionSpec = { type: 'boolean', short: 'h', doc: 'this text' };

export function optionsOf({ options }: Command): Readonly<Record<string, OptionSpec>> {
  return { ...options, help: HELP };
}

/** Throws UsageError. `help` leaves positionals unchecked. */
export function parseGiven(command: Command, args: readonly string[]): Given {
  const options = optionsOf(command);
  const known = Object.keys(options);
  const { tokens } = parseArgs({ args: [...args], options: nodeOptions(options), strict: false, allowPositionals: true, tokens: true });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const spec = options[token.name];
    if (spec === undefined) throw new UsageError(`option ${token.rawName}: unknown${meant(token.name, known)}`);
    values.set(token.name, [...(values.get(token.name) ?? []), textGiven(spec, token.rawName, token.value)]);
    if (spec.multiple !== true && (values.get(token.name)?.length ?? 0) > 1)
      throw new UsageError(`option ${token.rawName}: given more than once`);
  }
  if (!values.has('help')) checkPositionals(command.positionals ?? [], positionals);
  return {
    positionals,
    text: (name) => values.get(name)?.[0],
    texts: (name) => values.get(name) ?? [],
    has: (name) => values.has(name),
  };
}

function nodeOptions(options: Readonly<Record<string, OptionSpec>>): Record<string, { type: 'string' | 'boolean'; short?: string }> {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, short }]) => [name, { type, ...(short === undefined ? {} : { short }) }]),
  );
}

function textGiven({ type, choices }: OptionSpec, name: string, value: string | undefined): string {
  if (type === 'boolean') {
    if (value !== undefined) throw new UsageError(`option ${name}: takes no value`);
    return '';
  }
  // A value that begins with two hyphens is a forgotten value; -- ends the options.
  if (value === undefined || value.startsWith('--')) throw new UsageError(`option ${name}: needs a value`);
  if (choices !== undefined && !choices.includes(value))
    throw new UsageError(`option ${name}: ${JSON.stringify(value)} is not one of ${choices.join(', ')}${meant(value, choices)}`);
  return value;
}

function checkPositionals(specs: readonly PositionalSpec[], given: readonly string[]): void {
  for (const [index, spec] of specs.entries()) {
    const values = spec.many === true ? given.slice(index) : given.slice(index, index + 1);
    if (values.length === 0 && spec.optional !== true) throw new UsageError(`${spec.name} is missing: ${spec.doc}`);
    const { choices } = spec;
    const wrong = choices === undefined ? undefined : values.find((value) => !choices.includes(value));
    if (wrong !== undefined && choices !== undefined)
      throw new UsageError(`${spec.name}: ${JSON.stringify(wrong)} is not one of ${choices.join(', ')}${meant(wrong, choices)}`);
  }
  const last = specs.at(-1);
  if (last?.many !== true && given.length > specs.length)
    throw new UsageError(`${JSON.stringify(given[specs.length])} is one argument too many`);
}

function meant(name: string, names: readonly string[]): string {
  const best = closest(name, names);
  return best === undefined ? '' : `; did you mean ${best}?`;
}
