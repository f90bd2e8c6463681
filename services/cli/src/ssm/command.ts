/** What a subcommand is: one description, from which parser, help, completion and the check of the documents are made. */
import type { Terminal } from './terminal.js';

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** How help names the value: `FILE`, `DIR`, `N`; FILE and DIR complete to paths. */
  readonly value?: string;
  /** What it may be. */
  readonly choices?: readonly string[];
  readonly doc: string;
}

export interface PositionalSpec {
  readonly name: string;
  readonly choices?: readonly string[];
  /** As many as there are. Only the last one. */
  readonly many?: boolean;
  readonly optional?: boolean;
  readonly doc: string;
}

export interface Example {
  readonly line: string;
  readonly what: string;
}

/** What the user gave, checked against the description. */
export interface Given {
  readonly positionals: readonly string[];
  /** Of an option that takes a value. */
  text(name: string): string | undefined;
  /** Of one that may be repeated. */
  texts(name: string): readonly string[];
  has(name: string): boolean;
}

export interface Command {
  /** `queue list` */
  readonly name: string;
  readonly summary: string;
  /** More than the summary, where there is more to say. */
  readonly text?: string;
  readonly positionals?: readonly PositionalSpec[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly Example[];
  /** Resolves with the exit code. */
  run(given: Given, terminal: Terminal): Promise<number>;
}

/** The same for every command. */
export const EXIT = {
  ok: 0,
  /** It was tried and did not work, or a check found something. */
  failed: 1,
  /** Command line or configuration. */
  usage: 2,
} as const;

/** The user gave something that cannot be; said without more ado. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const CONFIG_OPTION: OptionSpec = {
  type: 'string',
  short: 'c',
  value: 'FILE',
  doc: 'configuration, old (INI) or new (YAML, JSON); default: what SSM_CONFIG names, else /etc/apel/sender.cfg or receiver.cfg, /etc/ssm/sender.yaml or receiver.yaml, else the environment',
};
/** As ssmreceive has it: an old file has no key for the list. */
export const LIST_OPTION: OptionSpec = {
  type: 'string',
  short: 'd',
  value: 'FILE',
  doc: 'receiver: who may send, in place of the list of the configuration; what ssmreceive -d names',
};
export const JSON_OPTION: OptionSpec = { type: 'boolean', doc: 'print JSON' };
