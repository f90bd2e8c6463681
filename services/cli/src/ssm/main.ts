import { closest, ServiceError } from '@ssm/service-kit';
import { type Command, EXIT, UsageError } from './command.js';
import { helpOf, overview } from './help.js';
import { parseGiven } from './parse.js';
import { complain, say, type Terminal } from './terminal.js';

/** One run of the command `ssm`. Resolves with the exit code; never rejects. */
export async function runSsm(args: readonly string[], commands: readonly Command[], terminal: Terminal, version: string): Promise<number> {
  const [first, second] = args;
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    const named = first === 'help' ? find(args.slice(1), commands) : undefined;
    say(terminal, (named === undefined ? overview(commands, version) : helpOf(named.command)).trimEnd());
    return first === undefined ? EXIT.usage : EXIT.ok;
  }
  if (first === '--version' || first === '-v') {
    say(terminal, `SSM ${version}`);
    return EXIT.ok;
  }
  const found = find(args, commands);
  if (found === undefined) return unknown([first, second ?? ''], commands, terminal);
  return await runCommand(found.command, found.rest, terminal);
}

/** Names of two words first. */
function find(args: readonly string[], commands: readonly Command[]): { command: Command; rest: readonly string[] } | undefined {
  for (const words of [2, 1]) {
    const command = commands.find(({ name }) => name === args.slice(0, words).join(' '));
    if (command !== undefined) return { command, rest: args.slice(words) };
  }
  return undefined;
}

function unknown([first, second]: readonly [string, string], commands: readonly Command[], terminal: Terminal): number {
  const group = commands.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name);
  if (group.length > 0)
    complain(terminal, `ssm ${first}: one of ${group.map((name) => name.slice(first.length + 1)).join(', ')} must follow`);
  else {
    const names = commands.map(({ name }) => name);
    const best = closest(`${first} ${second}`.trim(), names) ?? closest(first, names);
    complain(terminal, `ssm: ${JSON.stringify(first)} is no command${best === undefined ? '' : `; did you mean ${best}?`}`);
  }
  complain(terminal, "Try 'ssm --help'.");
  return EXIT.usage;
}

async function runCommand(command: Command, args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const given = parseGiven(command, args);
    if (!given.has('help')) return await command.run(given, terminal);
    say(terminal, helpOf(command).trimEnd());
    return EXIT.ok;
  } catch (error) {
    complain(terminal, `ssm ${command.name}: ${textOf(error)}`);
    if (error instanceof UsageError) complain(terminal, `Try 'ssm ${command.name} --help'.`);
    return error instanceof UsageError || error instanceof ServiceError ? EXIT.usage : EXIT.failed;
  }
}

/** OpenSSL's own words, without the place in its sources. */
function wordsOf(cause: Error): string {
  return 'reason' in cause && typeof cause.reason === 'string' ? cause.reason : cause.message;
}

/** Code and text of an error and of what caused it. */
export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' && !error.message.startsWith(error.code) ? `${error.code}: ` : '';
  const { cause } = error;
  const reason = cause instanceof Error && !error.message.includes(wordsOf(cause)) ? ` (${wordsOf(cause)})` : '';
  return `${code}${error.message}${reason}`;
}
