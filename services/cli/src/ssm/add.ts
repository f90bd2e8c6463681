import path from 'node:path';
import { queueOptions } from '@ssm/sender';
import { PlainWriter, refuseRoot, SimpleWriter } from '@ssm/spool';
import { CONFIG_OPTION, type Command, EXIT, UsageError } from './command.js';
import { loadSender } from './config.js';
import { readInput } from './files.js';
import { textOf } from './main.js';
import { startProgress } from './progress.js';
import { complain, say, type Terminal } from './terminal.js';

const DEFAULT_LIMIT = 1024 ** 3;

interface Target {
  readonly limit: number;
  /** Resolves to the name in the queue. */
  readonly add: (file: string, body: Uint8Array) => Promise<string>;
}

export const addCommand: Command = {
  name: 'add',
  summary: 'put files into an outgoing queue, whole or not at all',
  text: `Prints the name that each file has in the queue: its id. The files themselves stay where they are. In a queue of plain files each
keeps its name, and one that is there is never replaced.`,
  positionals: [{ name: 'FILE', many: true, doc: 'the files; - is standard input' }],
  options: {
    config: CONFIG_OPTION,
    path: { type: 'string', value: 'DIR', doc: 'the queue, in place of the configuration' },
    layout: { type: 'string', choices: ['dirq', 'directory'], doc: 'with --path: its layout; default dirq' },
    name: { type: 'string', value: 'NAME', doc: 'name of a single file in a queue of plain files; needed for standard input' },
  },
  examples: [
    { line: 'ssm add -c sender.cfg records-*.txt', what: 'into the queue of that sender' },
    { line: 'make-records | ssm add --path /var/spool/apel/outgoing -', what: 'from a pipe' },
  ],
  run: async (given, terminal) => {
    const files = given.positionals;
    const name = given.text('name');
    if (name !== undefined && files.length > 1) throw new UsageError('--name is for a single file');
    const queue = given.has('path') ? fromPath(given) : fromConfig(given, terminal);
    const target = targetOf(queue, name);
    await refuseRoot(queue.options.path);
    return await addAll(files, target, terminal);
  },
};

type Queue = { readonly options: Pick<ReturnType<typeof queueOptions>, 'path' | 'layout' | 'modes'>; readonly limit: number };

function fromPath(given: Parameters<Command['run']>[0]): Queue {
  const layout = given.text('layout') === 'directory' ? 'directory' : 'dirq';
  return { options: { path: given.text('path') ?? '', layout }, limit: DEFAULT_LIMIT };
}

function fromConfig(given: Parameters<Command['run']>[0], terminal: Terminal): Queue {
  const { config } = loadSender(given, terminal);
  return { options: queueOptions(config), limit: config.limits.body };
}

function targetOf({ options, limit }: Queue, name: string | undefined): Target {
  if (options.layout === 'dirq') {
    if (name !== undefined) throw new UsageError('--name: a dirq gives names itself');
    const writer = new SimpleWriter(options);
    return { limit, add: (_file, body) => writer.add(body) };
  }
  const writer = new PlainWriter(options);
  return {
    limit,
    add: async (file, body) => {
      const own = name ?? path.basename(file);
      if (own === '-') throw new UsageError('standard input needs --name in a queue of plain files');
      await writer.add(own, body);
      return own;
    },
  };
}

async function addAll(files: readonly string[], { add, limit }: Target, terminal: Terminal): Promise<number> {
  // On a terminal the names are the progress.
  const progress = startProgress(terminal, 'adding', terminal.stdout.isTTY === true ? 0 : files.length);
  const failed: string[] = [];
  const { signal } = terminal;
  for (const file of files) {
    if (signal.aborted) break;
    try {
      say(terminal, await add(file, await readInput(file, limit, terminal, signal)));
    } catch (error) {
      if (error instanceof UsageError) throw error;
      failed.push(`${file}: ${signal.aborted ? 'interrupted, not added' : textOf(error)}`);
    }
    progress.step();
  }
  progress.end();
  for (const text of failed) complain(terminal, text);
  return failed.length === 0 && !signal.aborted ? EXIT.ok : EXIT.failed;
}
