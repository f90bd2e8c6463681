import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import type { DistinguishedName, DnRule } from '@ssm/empa';
import { type DnLine, readDnLine } from './dn-line.js';
import { ReceiverError } from './errors.js';

/** Bytes of a list; about 100,000 DNs. */
const MAXIMUM_LIST_BYTES = 16 * 1024 * 1024;
const LINE_FEED = 0x0a;
/** Judgements that are remembered, so that a long list is not searched again for every message of one signer. */
const MAXIMUM_REMEMBERED = 10_000;

export type Judgement = 'allowed' | 'dn-not-listed' | 'dn-denied';

export interface ListPaths {
  readonly allow: string;
  /** Empty: nobody is denied. */
  readonly deny: string;
}

/** Who may send: an immutable snapshot of the allow list and the deny list. */
export class SignerLists {
  readonly allow: readonly DnRule[];
  readonly deny: readonly DnLine[];
  /** Lines that may not be what was meant, with file and number. */
  readonly doubts: readonly string[];
  readonly #remembered = new Map<string, Judgement>();

  constructor(allow: readonly DnRule[], deny: readonly DnLine[], doubts: readonly string[] = []) {
    this.allow = allow;
    this.deny = deny;
    this.doubts = doubts;
  }

  /** A DN that is on both lists is denied. */
  judge(signer: DistinguishedName): Judgement {
    const key = JSON.stringify(signer.rdns);
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    const judgement = this.#search(signer);
    if (this.#remembered.size >= MAXIMUM_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(key, judgement);
    return judgement;
  }

  #search(signer: DistinguishedName): Judgement {
    // A line may have been copied from what we print: whichever of the two is meant is denied.
    if (this.deny.some(({ literal, rule }) => rule.matches(signer) || literal?.matches(signer) === true)) return 'dn-denied';
    return this.allow.some((rule) => rule.matches(signer)) ? 'allowed' : 'dn-not-listed';
  }
}

type ReadBytes = (file: string) => Promise<Uint8Array>;

/**
 * Reads both lists. Errors: ReceiverError list-unreadable, list-malformed, list-empty (the allow list; nobody could send), and those that `read`
 * throws.
 */
export async function loadSignerLists(paths: ListPaths, read: ReadBytes = readFile): Promise<SignerLists> {
  const [allow, deny] = await Promise.all([readList(paths.allow, read), paths.deny === '' ? NO_LIST : readList(paths.deny, read)]);
  if (allow.lines.length === 0) throw new ReceiverError('list-empty', `${paths.allow} names no DN: nobody would be allowed to send`);
  const rules = allow.lines.map(({ rule }) => rule);
  return new SignerLists(rules, deny.lines, [...allow.doubts, ...deny.doubts]);
}

interface List {
  readonly lines: readonly DnLine[];
  readonly doubts: readonly string[];
}

const NO_LIST: List = { lines: [], doubts: [] };

async function readList(file: string, read: ReadBytes): Promise<List> {
  const texts = (await readText(file, read)).split(/\r?\n/);
  const lines: DnLine[] = [];
  const doubts: string[] = [];
  for (const [index, text] of texts.entries()) {
    if (text.trim() === '' || text.trim().startsWith('#')) continue;
    const place = `${file} line ${index + 1}`;
    const line = readLine(text, place);
    lines.push(line);
    if (line.doubt !== undefined) doubts.push(`${place}: ${line.doubt}`);
  }
  return { lines, doubts };
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
