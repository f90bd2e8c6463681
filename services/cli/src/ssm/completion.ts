import type { Command, OptionSpec, PositionalSpec } from './command.js';
import { EXIT } from './command.js';
import { optionsOf } from './parse.js';
import { say } from './terminal.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** The command itself; the scripts are made from the descriptions of all commands. */
export function completionCommand(others: readonly Command[]): Command {
  const command: Command = {
    name: 'completion',
    summary: 'print a script that completes commands, options and files in a shell',
    positionals: [{ name: 'SHELL', choices: SHELLS, doc: 'which shell' }],
    options: {},
    examples: [
      { line: 'ssm completion bash > /etc/bash_completion.d/ssm', what: 'bash, for all users' },
      { line: 'source <(ssm completion zsh)', what: 'zsh: in .zshrc, behind compinit' },
      { line: 'ssm completion fish > ~/.config/fish/completions/ssm.fish', what: 'fish' },
    ],
    run: async (given, terminal) => {
      const all = [...others, command];
      const [shell] = given.positionals;
      const script = shell === 'fish' ? fish(all) : bash(all);
      say(terminal, (shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script).trimEnd());
      return EXIT.ok;
    },
  };
  return command;
}

/** The words that may follow a command, options apart. */
function wordsOf(positionals: readonly PositionalSpec[] = []): readonly string[] {
  return positionals.flatMap(({ choices }) => choices ?? []);
}

function flagsOf(command: Command): string[] {
  return Object.entries(optionsOf(command)).flatMap(([name, { short }]) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]);
}

/** First words, and the second words of those that have some. */
function bash(commands: readonly Command[]): string {
  const first = [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? ''))];
  const second = commands.filter(({ name }) => name.includes(' ')).map(({ name }) => name.split(' '));
  const groups = [...new Set(second.map(([group]) => group ?? ''))];
  return `# completes ssm
_ssm() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words='' name
  COMPREPLY=()
  case $prev in
${valueCases(commands)}
  esac
  name=\${COMP_WORDS[1]}
  case $name in
    ${groups.join('|')}) name="$name \${COMP_WORDS[2]}" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words='${first.join(' ')} --help --version'
${groups
  .map((group) => {
    const words = second.filter(([name]) => name === group).map(([, name]) => name);
    return `  elif [ "$COMP_CWORD" -eq 2 ] && [ "\${COMP_WORDS[1]}" = ${group} ]; then words='${words.join(' ')}'`;
  })
  .join('\n')}
  else
    case $name in
${commands.map((command) => `      '${command.name}') words='${[...wordsOf(command.positionals), ...flagsOf(command)].join(' ')}' ;;`).join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  if [ \${#COMPREPLY[@]} -eq 0 ] && [ "\${cur#-}" = "$cur" ]; then COMPREPLY=($(compgen -f -- "$cur")); fi
}
complete -o filenames -F _ssm ssm
`;
}

/** After an option that takes a value: its choices, or files. */
function valueCases(commands: readonly Command[]): string {
  const options = new Map<string, OptionSpec>(
    commands.flatMap((command) =>
      Object.entries(command.options).flatMap(([name, spec]) => [
        [`--${name}`, spec] as const,
        ...(spec.short === undefined ? [] : [[`-${spec.short}`, spec] as const]),
      ]),
    ),
  );
  return [...options]
    .filter(([, { type }]) => type === 'string')
    .map(([flag, { choices, value }]) => {
      const action =
        choices === undefined ? (value === 'FILE' || value === 'DIR' ? 'compgen -f' : ':') : `compgen -W '${choices.join(' ')}'`;
      return `    ${flag}) ${action === ':' ? 'return' : `COMPREPLY=($(${action} -- "$cur")); return`} ;;`;
    })
    .join('\n');
}

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => {
    const [first = '', second] = command.name.split(' ');
    const here =
      second === undefined
        ? `__fish_seen_subcommand_from ${first}`
        : `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`;
    const start =
      second === undefined
        ? `complete -c ssm -n __fish_use_subcommand -a ${first} -d ${quote(command.summary)}`
        : `complete -c ssm -n '__fish_seen_subcommand_from ${first}' -a ${second} -d ${quote(command.summary)}`;
    const words = wordsOf(command.positionals).map((word) => `complete -c ssm -n ${quote(here)} -a ${word}`);
    const options = Object.entries(optionsOf(command)).map(([name, { choices, doc, short, type }]) => {
      const values = type === 'boolean' ? '' : choices === undefined ? ' -r' : ` -x -a ${quote(choices.join(' '))}`;
      return `complete -c ssm -n ${quote(here)} -l ${name}${short === undefined ? '' : ` -s ${short}`}${values} -d ${quote(doc)}`;
    });
    return [start, ...words, ...options];
  });
  const groups = [...new Set(commands.filter(({ name }) => name.includes(' ')).map(({ name }) => name.split(' ')[0] ?? ''))];
  return [...groups.map((group) => `complete -c ssm -n __fish_use_subcommand -a ${group}`), ...lines, ''].join('\n');
}
