import { replayService } from '@ssm/receiver';
import { queueOptions } from '@ssm/sender';
import { EXIT_CODES, readVersion, runService, thisHost } from '@ssm/service-kit';
import { refuseRoot, requeue } from '@ssm/spool';
import { readServiceConfig } from '../../classic/source.js';
import { CONFIG_OPTION, type Command, EXIT, type Given, LIST_OPTION, UsageError } from '../command.js';
import { loadSender } from '../config.js';
import { textOf } from '../main.js';
import { startProgress } from '../progress.js';
import { complain, say, type Terminal, visibleLine } from '../terminal.js';
import type { Element } from './element.js';
import { type Place, placeOf, QUEUE } from './places.js';
import { CODE_OPTION, ELEMENTS, selected, selectionOf } from './select.js';

/** Port, log file and pid file are those of a receiver that may run. */
const BESIDE_A_RECEIVER = ['--ops.port=0', '--log.format=text', '--log.console', '--log.file=', '--pidFile='] as const;

export const requeueCommand: Command = {
  name: 'queue requeue',
  summary: 'give quarantined files back to the sender, or try rejects again',
  text: `quarantine: the file goes back under the name that it had, and never in place of another.
reject: the message goes through the whole verification once more; what passes now is stored in incoming, all else stays as it is.
Either may be done while the service runs.`,
  positionals: [QUEUE, ELEMENTS],
  options: {
    config: CONFIG_OPTION,
    dn_file: LIST_OPTION,
    code: CODE_OPTION,
    all: { type: 'boolean', doc: 'everything in the queue' },
  },
  examples: [
    { line: 'ssm queue requeue quarantine --code too-large', what: 'after limits.body was raised' },
    { line: 'ssm queue requeue reject --all', what: 'after CRLs or the list were put right' },
    { line: 'ssm queue requeue reject --all -c receiver2.cfg -d dns2', what: 'of ssmreceive -c receiver2.cfg -d dns2' },
  ],
  run: async (given, terminal) => {
    const place = placeOf(given, terminal);
    const selection = selectionOf(given, terminal);
    if (place.queue === 'outgoing' || place.queue === 'incoming')
      throw new UsageError(`${place.queue}: what is there needs no help; locks of dead processes are freed by themselves`);
    if (selection.isEverything && !given.has('all')) throw new UsageError('name elements, or give --code, or --all');
    const chosen: Element[] = [];
    const damaged: string[] = [];
    for await (const element of selected(place, selection, (name, error) => damaged.push(`${name}: ${textOf(error)}`)))
      chosen.push(element);
    for (const text of damaged) complain(terminal, text);
    const code = place.queue === 'reject' ? await replay(place, chosen, terminal) : await putBack(given, chosen, terminal);
    return damaged.length === 0 ? code : EXIT.failed;
  },
};

async function putBack(given: Given, chosen: readonly Element[], terminal: Terminal): Promise<number> {
  const options = queueOptions(loadSender(given, terminal).config);
  await refuseRoot(options.path);
  const progress = startProgress(terminal, 'putting back', chosen.length);
  const done: string[] = [];
  const failed: string[] = [];
  for (const { name } of chosen) {
    if (terminal.signal.aborted) break;
    try {
      done.push(`${name} -> ${await requeue(options, name)}`);
    } catch (error) {
      failed.push(`${name}: ${textOf(error)}`);
    }
    progress.step();
  }
  progress.end();
  for (const text of done) say(terminal, visibleLine(text));
  for (const text of failed) complain(terminal, visibleLine(text));
  say(terminal, `${done.length} put back, ${chosen.length - done.length} left`);
  return done.length === chosen.length ? EXIT.ok : EXIT.failed;
}

/** The receiver's own replay, with its log on standard output. */
async function replay({ receiver }: Place, chosen: readonly Element[], terminal: Terminal): Promise<number> {
  if (receiver === undefined) throw new UsageError('rejects are tried again by the configuration of the receiver, not by --path');
  if (chosen.length === 0) {
    say(terminal, 'nothing to try again');
    return EXIT.ok;
  }
  const only = new Set(chosen.map(({ name }) => name));
  const service = replayService(readVersion(), { only });
  const { file } = receiver;
  const preset = file === undefined ? undefined : readServiceConfig(file, 'receiver').preset;
  const { SSM_CONFIG: _config, ...env } = terminal.env;
  const code = await runService(service, {
    ...thisHost(),
    env,
    args: [...(file === undefined || preset !== undefined ? [] : ['--config', file]), ...receiver.args, ...BESIDE_A_RECEIVER],
    ...(preset === undefined ? {} : { preset: { ...preset, warnings: [] } }),
  });
  return code === EXIT_CODES.ok ? EXIT.ok : EXIT.failed;
}
