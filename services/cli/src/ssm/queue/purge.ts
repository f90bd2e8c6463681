import { NormalReader } from '@ssm/spool';
import { CONFIG_OPTION, type Command, EXIT, UsageError } from '../command.js';
import { textOf } from '../main.js';
import { startProgress } from '../progress.js';
import { ageText, sizeText } from '../table.js';
import { complain, say, type Terminal } from '../terminal.js';
import type { Element } from './element.js';
import { PATH_OPTION, type Place, placeOf, QUEUE } from './places.js';
import { AGE_OPTION, CODE_OPTION, ELEMENTS, selected, selectionOf } from './select.js';

const SHOWN = 20;

export const purgeCommand: Command = {
  name: 'queue purge',
  summary: 'remove rejects or quarantined files for good',
  text: `Without --yes it only says what it would remove. Only quarantine and reject can be purged: in outgoing and incoming are records that
somebody still waits for; what has no error, as what was accepted has none, is left in place.`,
  positionals: [QUEUE, ELEMENTS],
  options: {
    config: CONFIG_OPTION,
    path: PATH_OPTION,
    code: CODE_OPTION,
    'older-than': AGE_OPTION,
    all: { type: 'boolean', doc: 'everything in the queue' },
    yes: { type: 'boolean', short: 'y', doc: 'do it' },
  },
  examples: [
    { line: 'ssm queue purge reject --older-than 90d', what: 'what would go?' },
    { line: 'ssm queue purge reject --older-than 90d --yes', what: 'for cron' },
    { line: 'ssm queue purge reject --code dn-not-listed --older-than 7d --yes', what: 'strangers only' },
  ],
  run: async (given, terminal) => {
    const place = placeOf(given, terminal);
    if (place.queue === 'outgoing' || place.queue === 'incoming')
      throw new UsageError(
        `${place.queue} is not purged: it holds records that are not ${place.queue === 'outgoing' ? 'sent' : 'loaded'} yet`,
      );
    const selection = selectionOf(given, terminal);
    if (selection.isEverything && !given.has('all')) throw new UsageError('name elements, or give --code, --older-than or --all');
    const chosen: Element[] = [];
    const kept: string[] = [];
    // The directory may be one of --path, and a queue of verified records.
    for await (const element of selected(place, selection, (name, error) => kept.push(`${name}: ${textOf(error)}`)))
      if (element.reason === undefined) kept.push(`${element.name}: not a ${place.queue === 'reject' ? 'reject' : 'quarantined file'}`);
      else chosen.push(element);
    for (const text of kept) complain(terminal, text);
    const code = given.has('yes') ? await remove(place, chosen, terminal) : wouldRemove(chosen, terminal);
    if (kept.length === 0) return code;
    complain(terminal, `${kept.length} passed over`);
    return EXIT.failed;
  },
};

function wouldRemove(chosen: readonly Element[], terminal: Terminal): number {
  const now = terminal.now().getTime();
  for (const { name, code, time } of chosen.slice(0, SHOWN))
    say(terminal, `${name}  ${ageText(now - time.getTime())}  ${code ?? '(no code)'}`);
  if (chosen.length > SHOWN) say(terminal, `... and ${chosen.length - SHOWN} more`);
  say(terminal, `${chosen.length} would be removed, ${sizeText(bytesOf(chosen))}; nothing was. Add --yes to do it.`);
  return EXIT.ok;
}

async function remove({ path }: Place, chosen: readonly Element[], terminal: Terminal): Promise<number> {
  const reader = new NormalReader({ path });
  const progress = startProgress(terminal, 'removing', chosen.length);
  const removed: Element[] = [];
  const left: string[] = [];
  for (const element of chosen) {
    if (terminal.signal.aborted) break;
    try {
      if (await reader.lockOrTakeOver(element.name)) {
        await reader.remove(element.name);
        removed.push(element);
      } else left.push(`${element.name}: somebody has it, or it is gone`);
    } catch (error) {
      left.push(`${element.name}: ${textOf(error)}`);
    }
    progress.step();
  }
  progress.end();
  for (const text of left) complain(terminal, text);
  say(terminal, `${removed.length} removed, ${sizeText(bytesOf(removed))}; ${chosen.length - removed.length} left`);
  return removed.length === chosen.length ? EXIT.ok : EXIT.failed;
}

function bytesOf(elements: readonly Element[]): number {
  return elements.reduce((sum, { bytes }) => sum + bytes, 0);
}
