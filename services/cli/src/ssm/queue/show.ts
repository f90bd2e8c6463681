import { isReplayable } from '@ssm/receiver';
import { NormalReader } from '@ssm/spool';
import { CONFIG_OPTION, type Command, EXIT, type Given, JSON_OPTION, LIST_OPTION, UsageError } from '../command.js';
import { type Explanation, explain, recorded } from '../explain.js';
import { readInput } from '../files.js';
import { judgeOf } from '../keys.js';
import { explanationJson, stepsText } from '../open.js';
import { ageText, sizeText } from '../table.js';
import { say, sayBytes, sayJson, type Terminal, visibleLine } from '../terminal.js';
import { type Element, readElement } from './element.js';
import { type Kind, kindOf, kindText } from './kind.js';
import { LAYOUT_OPTION } from './list.js';
import { PATH_OPTION, type Place, placeOf, QUEUE } from './places.js';

const PREVIEW_BYTES = 400;
/** Of what is read to be shown. */
const MAXIMUM_BODY = 256 * 1024 * 1024;
/** Of these only the decoded body was kept: they are found when the signature is good, and no change here makes them good. */
const DECODED = /^(chain-|certificate-(?:expired|revoked|malformed)|critical-extension|signature-algorithm|key-too-weak|signer-is-)/;

export const showCommand: Command = {
  name: 'queue show',
  summary: 'one element: what it says, and of a reject why it was refused, step by step',
  text: `A rejected message is verified once more with the keys, CAs, CRLs and lists of the configuration. Nothing is changed.`,
  positionals: [QUEUE, { name: 'ELEMENT', doc: 'its name, as list shows it' }],
  options: {
    config: CONFIG_OPTION,
    dn_file: LIST_OPTION,
    path: PATH_OPTION,
    layout: LAYOUT_OPTION,
    body: { type: 'boolean', doc: 'only the body, as it is (on a terminal: so that it can be read)' },
    json: JSON_OPTION,
  },
  examples: [
    { line: 'ssm queue show reject 00000000/6b04bf98c69d26', what: 'why was it refused?' },
    { line: 'ssm queue show quarantine 00000000/6b04bf98c69d26 --body > file', what: 'the file itself' },
  ],
  run: async (given, terminal) => {
    const place = placeOf(given, terminal);
    const [, name = ''] = given.positionals;
    if (place.queue === 'outgoing') return await showOutgoing(place, name, given, terminal);
    const element = await readElement(place.path, name);
    const reader = new NormalReader({ path: place.path });
    const kind = await kindOf(`${place.path}/${name}/body`).catch(() => undefined);
    if (kind !== undefined && kind.type !== 'file') return showOther(element, kind, given, terminal);
    const body = (await reader.peek(name, 'body', MAXIMUM_BODY)) ?? new Uint8Array();
    if (given.has('body')) {
      await sayBytes(terminal, body);
      return EXIT.ok;
    }
    const raw = await reader.peek(name, 'raw', MAXIMUM_BODY);
    const explanation = place.queue === 'reject' ? await explainReject({ element, body, raw }, place, terminal) : undefined;
    if (given.has('json'))
      sayJson(terminal, { ...element, ...kind, verification: explanation === undefined ? null : explanationJson(explanation) });
    else showText(element, body, explanation, terminal);
    return EXIT.ok;
  },
};

/** A quarantined link, FIFO or device has no body that could be shown. */
function showOther(element: Element, kind: Kind, given: Given, terminal: Terminal): number {
  if (given.has('body')) throw new Error(`the body of ${element.name} is not a regular file: it is ${kindText(kind)}`);
  if (given.has('json')) sayJson(terminal, { ...element, ...kind, verification: null });
  else {
    showElement(element, terminal);
    say(terminal, `\nNo regular file: ${visibleLine(kindText(kind))}`);
  }
  return EXIT.ok;
}

async function showOutgoing({ path, layout }: Place, name: string, given: Given, terminal: Terminal): Promise<number> {
  const inQueue = layout === 'dirq' ? /^[0-9a-f]{8}\/[0-9a-f]{14}$/ : /^[^/]+$/;
  if (!inQueue.test(name)) throw new UsageError(`${JSON.stringify(name)} is no name of an element here`);
  // A link may lead to what nobody should see, a FIFO to nowhere.
  const kind = await kindOf(`${path}/${name}`);
  if (kind.type !== 'file') throw new Error(`${name} is not a regular file: it is ${kindText(kind)}`);
  const body = await readInput(`${path}/${name}`, MAXIMUM_BODY, terminal);
  if (given.has('body')) await sayBytes(terminal, body);
  else if (given.has('json')) sayJson(terminal, { name, bytes: body.length });
  else say(terminal, `name      ${visibleLine(name)}\nsize      ${sizeText(body.length)}\n\n${preview(body)}`);
  return EXIT.ok;
}

interface Kept {
  readonly element: Element;
  readonly body: Uint8Array;
  /** As it came, where that is not the body. */
  readonly raw: Uint8Array | undefined;
}

async function explainReject({ element, body, raw }: Kept, { receiver }: Place, { now }: Terminal): Promise<Explanation | undefined> {
  const { code = '', reason = '', signer = '' } = element;
  if (raw === undefined && DECODED.test(code)) return recorded(code, reason, signer);
  return receiver === undefined ? undefined : await explain(raw ?? body, await judgeOf(receiver, now()));
}

function showText(element: Element, body: Uint8Array, explanation: Explanation | undefined, terminal: Terminal): void {
  showElement(element, terminal);
  if (explanation !== undefined) say(terminal, `\n${stepsText(explanation)}\n\n${adviceOf(element.code, explanation)}`);
  say(terminal, `\n${preview(body)}`);
}

function showElement(element: Element, terminal: Terminal): void {
  const { bytes, code, empaid, file, locked, name, reason, signer, time } = element;
  const age = `${time.toISOString()} (${ageText(terminal.now().getTime() - time.getTime())} ago)`;
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['name', locked ? `${name} (locked)` : name],
    ['file', file],
    ['came', age],
    ['size', sizeText(bytes)],
    ['signer', signer],
    ['empaid', empaid],
    ['error', code === undefined ? reason : `${code}: ${reason ?? ''}`],
  ];
  for (const [key, value] of lines) if (value !== undefined) say(terminal, `${key.padEnd(10)}${visibleLine(value)}`);
}

function adviceOf(code: string | undefined, { code: now }: Explanation): string {
  if (now === undefined) return 'It would be accepted now: ssm queue requeue reject';
  if (now !== code && code !== undefined) return `It was refused for ${code}; now it is refused for ${now}.`;
  return isReplayable(now)
    ? 'It may be accepted when this is put right: then ssm queue requeue reject'
    : 'It can never be accepted as it is: the site must send the file again.';
}

function preview(body: Uint8Array): string {
  const start = Buffer.from(body.subarray(0, PREVIEW_BYTES)).toString('utf8');
  return body.length > PREVIEW_BYTES ? `${start}\n... (--body for all of it)` : start;
}
