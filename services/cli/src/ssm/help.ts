import type { Command, OptionSpec } from './command.js';
import { optionsOf } from './parse.js';

const WIDTH = 26;

export function overview(commands: readonly Command[], version: string): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(WIDTH - 4)}${summary}`);
  return `ssm ${version}: looks after the queues, the configuration and the services of SSM.

Use: ssm COMMAND [options]

${lines.join('\n')}

  ssm COMMAND --help    what a command does, its options, examples
  ssm --version         the version

Exit code: 0 done, or all is well; 1 it did not work, or something was found; 2 command line or configuration.
The services themselves are the commands ssmsend and ssmreceive.
`;
}

export function helpOf(command: Command): string {
  const { examples, name, positionals = [], summary, text } = command;
  const args = positionals.map((each) => {
    const shown = `${each.name}${each.many === true ? '...' : ''}`;
    return each.optional === true ? `[${shown}]` : shown;
  });
  const width = Math.max(0, ...examples.map(({ line }) => line.length));
  return `${['Use: ssm', name, ...args, '[options]'].join(' ')}

${summary[0]?.toUpperCase() ?? ''}${summary.slice(1)}.${text === undefined ? '' : `\n\n${text}`}

${positionals.map((each) => row(each.name, [each.doc, ...(each.choices === undefined ? [] : [each.choices.join(', ')])].join(': '))).join('')}${Object.entries(
  optionsOf(command),
)
  .map(([option, spec]) => row(optionText(option, spec), spec.doc))
  .join('')}
Examples:
${examples.map(({ line, what }) => `  ${line.padEnd(width)}   ${what}`).join('\n')}
`;
}

function row(left: string, right: string): string {
  return left.length > WIDTH - 4 ? `  ${left}\n${' '.repeat(WIDTH)}${right}\n` : `  ${left.padEnd(WIDTH - 2)}${right}\n`;
}

function optionText(name: string, { choices, short, value }: OptionSpec): string {
  const long = `--${name}${value === undefined && choices === undefined ? '' : ` ${choices?.join('|') ?? value ?? ''}`}`;
  return short === undefined ? long : `-${short}, ${long}`;
}
