import { CONFIG_OPTION, type Command, EXIT, type Given, JSON_OPTION, UsageError } from '../command.js';
import { textOf } from '../main.js';
import { ageText, sizeText, table } from '../table.js';
import { complain, say, sayJson, type Terminal } from '../terminal.js';
import type { Element } from './element.js';
import { lookAtOutgoing } from './outgoing.js';
import { elementNames, PATH_OPTION, type Place, placeOf, QUEUE } from './places.js';
import { AGE_OPTION, CODE_OPTION, type Selection, selected, selectionOf } from './select.js';

const DEFAULT_LIMIT = 100;
export const LAYOUT_OPTION = {
  type: 'string',
  choices: ['dirq', 'directory'],
  doc: 'with --path: layout of outgoing; default dirq',
} as const;

export const listCommand: Command = {
  name: 'queue list',
  summary: 'what is in a queue',
  positionals: [QUEUE],
  options: {
    config: CONFIG_OPTION,
    path: PATH_OPTION,
    layout: LAYOUT_OPTION,
    code: CODE_OPTION,
    'older-than': AGE_OPTION,
    limit: { type: 'string', short: 'n', value: 'N', doc: `show at most so many; default ${DEFAULT_LIMIT}, 0 for all` },
    json: JSON_OPTION,
  },
  examples: [
    { line: 'ssm queue list outgoing', what: 'what waits to be sent' },
    { line: 'ssm queue list reject --code crl-expired', what: 'what was refused for old CRLs' },
    { line: 'ssm queue list quarantine --json', what: 'for programs' },
  ],
  run: async (given, terminal) => {
    const place = placeOf(given, terminal);
    const limit = limitOf(given);
    return place.queue === 'outgoing'
      ? await listOutgoing(place, limit, given, terminal)
      : await listElements(place, limit, given, terminal);
  },
};

function limitOf(given: Given): number {
  const text = given.text('limit') ?? String(DEFAULT_LIMIT);
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--limit: ${JSON.stringify(text)} is no number`);
  return text === '0' ? Number.POSITIVE_INFINITY : Number(text);
}

async function listOutgoing(place: Place, limit: number, given: Given, terminal: Terminal): Promise<number> {
  if (given.has('code')) throw new UsageError('--code: what waits to be sent has no error');
  const { waiting, statistics } = await lookAtOutgoing(place, limit, terminal.signal);
  const { before } = selectionOf(given, terminal);
  const shown = waiting.filter(({ time }) => before === undefined || time < before);
  const { available, locked, ignored } = statistics;
  if (given.has('json')) {
    sayJson(terminal, { path: place.path, waiting: available, locked, ignored, elements: shown });
    return EXIT.ok;
  }
  const now = terminal.now().getTime();
  if (shown.length > 0)
    say(
      terminal,
      table(
        ['NAME', 'SIZE', 'AGE'],
        shown.map(({ name, bytes, time }) => [name, sizeText(bytes), ageText(now - time.getTime())]),
      ),
    );
  say(terminal, `${place.path}: ${available} waiting, ${locked} locked, ${ignored} ignored${more(available, waiting.length)}`);
  return EXIT.ok;
}

async function listElements(place: Place, limit: number, given: Given, terminal: Terminal): Promise<number> {
  const { count, damaged, shown } = await collect(place, limit, given, terminal);
  if (given.has('json')) sayJson(terminal, { path: place.path, count, elements: shown });
  else {
    if (shown.length > 0) say(terminal, elementTable(place, shown, terminal.now()));
    say(terminal, `${place.path}: ${count} element${count === 1 ? '' : 's'}${more(count, shown.length)}`);
  }
  for (const text of damaged) complain(terminal, text);
  return damaged.length === 0 ? EXIT.ok : EXIT.failed;
}

interface Collected {
  readonly shown: readonly Element[];
  readonly count: number;
  readonly damaged: readonly string[];
}

async function collect(place: Place, limit: number, given: Given, terminal: Terminal): Promise<Collected> {
  const damaged: string[] = [];
  const trouble = (name: string, error: unknown): void => void damaged.push(`${name}: ${textOf(error)}`);
  const shown: Element[] = [];
  const take = async (selection: Selection): Promise<number> => {
    let count = 0;
    for await (const element of selected(place, selection, trouble)) {
      count += 1;
      if (shown.length < limit) shown.push(element);
    }
    return count;
  };
  const selection = selectionOf(given, terminal);
  if (!selection.isEverything) return { count: await take(selection), shown, damaged };
  // Without a condition what is not shown need not be read.
  const names = new Set<string>();
  let count = 0;
  for await (const name of elementNames(place)) {
    count += 1;
    if (names.size < limit) names.add(name);
  }
  if (names.size > 0) await take({ ...selection, names });
  return { count, shown, damaged };
}

function more(count: number, shown: number): string {
  return count > shown ? `; ${count - shown} more are not shown (--limit 0 for all)` : '';
}

function elementTable({ queue }: Place, elements: readonly Element[], now: Date): string {
  const head = ['NAME', 'SIZE', 'AGE', ''];
  const rows = elements.map(({ name, bytes, time, locked, ...rest }) => {
    const marked = locked ? `${name} (locked)` : name;
    return [marked, sizeText(bytes), ageText(now.getTime() - time.getTime()), aboutText(queue, rest)];
  });
  return table(head, rows);
}

function aboutText(
  queue: Place['queue'],
  { code, reason, signer, empaid, file }: Omit<Element, 'name' | 'bytes' | 'time' | 'locked'>,
): string {
  const error = [code, reason].filter((part) => part !== undefined).join(': ');
  if (queue === 'quarantine') return `${file ?? '(no name)'}  ${error}`;
  const from = `${signer ?? '(no signer)'}  ${empaid ?? '(no id)'}`;
  return queue === 'reject' ? `${error}  ${from}` : from;
}
