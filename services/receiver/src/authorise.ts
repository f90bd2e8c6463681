import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { type DistinguishedName, DnRules } from '@ssm/empa';
import { type DnLine, readDnLine } from './dn-line.js';
import { ReceiverError } from './errors.js';

/** Bytes of a list; about 100,000 DNs. */
const MAXIMUM_LIST_BYTES = 16 * 1024 * 1024;
const LINE_FEED = 0x0a;
/** Lines, some milliseconds of work, after which others get their turn. */
const LINES_AT_ONCE = 1000;

export type Judgement = 'allowed' | 'dn-not-listed' | 'dn-denied';

export interface ListPaths {
  readonly allow: string;
  /** Empty: nobody is denied. */
  readonly deny: string;
}

/** A list as it is read. */
export class DnList {
  readonly lines: string[] = [];
  readonly rules = new DnRules();
  /** What lines say without a look at what other programs may mean. */
  readonly literals = new DnRules();
  readonly doubts: string[] = [];

  /** `place`: of the line, for whoever wrote it. Throws ReceiverError list-malformed. */
  add(text: string, place: string): void {
    const { doubt, literal, rule } = readLine(text, place);
    this.lines.push(text);
    this.rules.add(rule);
    if (literal !== undefined) this.literals.add(literal);
    if (doubt !== undefined) this.doubts.push(`${place}: ${doubt}`);
  }
}

/** Who may send: an immutable snapshot of the allow list and the deny list. */
export class SignerLists {
  /** The lines that are DNs. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Lines that may not be what was meant, with file and number. */
  readonly doubts: readonly string[];
  readonly #allow: DnList;
  readonly #deny: DnList;

  constructor(allow: DnList, deny: DnList) {
    this.allow = allow.lines;
    this.deny = deny.lines;
    this.doubts = [...allow.doubts, ...deny.doubts];
    this.#allow = allow;
    this.#deny = deny;
  }

  /** A DN that is on both lists is denied. */
  judge(signer: DistinguishedName): Judgement {
    // A line may have been copied from what we print: whichever of the two is meant is denied.
    if (this.#deny.rules.matches(signer) || this.#deny.literals.matches(signer)) return 'dn-denied';
    return this.#allow.rules.matches(signer) ? 'allowed' : 'dn-not-listed';
  }
}

type ReadBytes = (file: string) => Promise<Uint8Array>;

/**
 * Reads both lists. Errors: ReceiverError list-unreadable, list-malformed, list-empty (the allow list; nobody could send), and those that `read`
 * throws.
 */
export async function loadSignerLists(paths: ListPaths, read: ReadBytes = readFile): Promise<SignerLists> {
  const [allow, deny] = await Promise.all([readList(paths.allow, read), paths.deny === '' ? new DnList() : readList(paths.deny, read)]);
  if (allow.lines.length === 0) throw new ReceiverError('list-empty', `${paths.allow} names no DN: nobody would be allowed to send`);
  return new SignerLists(allow, deny);
}

async function readList(file: string, read: ReadBytes): Promise<DnList> {
  const list = new DnList();
  for (const [index, text] of (await readText(file, read)).split(/\r?\n/).entries()) {
    if (index % LINES_AT_ONCE === LINES_AT_ONCE - 1) await turn();
    if (text.trim() !== '' && !text.trim().startsWith('#')) list.add(text, `${file} line ${index + 1}`);
  }
  return list;
}

function readLine(line: string, place: string): DnLine {
  try {
    // It knows which white space belongs to a name.
    return readDnLine(line);
  } catch (error) {
    throw new ReceiverError('list-malformed', `${place} is not a DN`, { cause: error });
  }
}

async function readText(file: string, read: ReadBytes): Promise<string> {
  let bytes: Uint8Array;
  try {
    const { size } = await stat(file);
    if (size > MAXIMUM_LIST_BYTES) throw new Error(`larger than ${MAXIMUM_LIST_BYTES} bytes`);
    bytes = withoutComments(await read(file));
  } catch (error) {
    if (error instanceof ReceiverError) throw error;
    throw new ReceiverError('list-unreadable', `${file} cannot be read`, { cause: error });
  }
  if (!isUtf8(bytes)) throw new ReceiverError('list-malformed', `${file} line ${lineBeyondUtf8(bytes)} is not UTF-8 text`);
  return new TextDecoder().decode(bytes);
}

/** They may be in any encoding. The lines are as many as before. */
function withoutComments(bytes: Uint8Array): Uint8Array {
  const lines = Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/(?<=^|\n)[ \t]*#[^\n]*/gu, '');
  return Buffer.from(lines, 'latin1');
}

function lineBeyondUtf8(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(LINE_FEED, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) break;
    start = end + 1;
  }
  return line;
}
