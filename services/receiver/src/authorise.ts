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
  readonly deny: readonly DnRule[];
  /** Lines that may not be what was meant, with file and number. */
  readonly doubts: readonly string[];
  readonly #remembered = new Map<string, Judgement>();

  constructor(allow: readonly DnRule[], deny: readonly DnRule[], doubts: readonly string[] = []) {
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
    if (this.deny.some((rule) => rule.matches(signer))) return 'dn-denied';
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
  if (allow.rules.length === 0) throw new ReceiverError('list-empty', `${paths.allow} names no DN: nobody would be allowed to send`);
  // A line may have been copied from what we print: whichever of the two is meant is denied.
  return new SignerLists(allow.rules, [...deny.rules, ...deny.literals], [...allow.doubts, ...deny.doubts]);
}

interface List {
  readonly rules: readonly DnRule[];
  /** What lines say that were read as something else. */
  readonly literals: readonly DnRule[];
  readonly doubts: readonly string[];
}

const NO_LIST: List = { rules: [], literals: [], doubts: [] };

async function readList(file: string, read: ReadBytes): Promise<List> {
  const lines = (await readText(file, read)).split(/\r?\n/);
  const rules: DnRule[] = [];
  const literals: DnRule[] = [];
  const doubts: string[] = [];
  for (const [index, line] of lines.entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const place = `${file} line ${index + 1}`;
    const { doubt, literal, rule } = readLine(line, place);
    rules.push(rule);
    if (literal !== undefined) literals.push(literal);
    if (doubt !== undefined) doubts.push(`${place}: ${doubt}`);
  }
  return { rules, literals, doubts };
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
    bytes = await read(file);
  } catch (error) {
    if (error instanceof ReceiverError) throw error;
    throw new ReceiverError('list-unreadable', `${file} cannot be read`, { cause: error });
  }
  if (!isUtf8(bytes)) throw new ReceiverError('list-malformed', `${file} line ${lineBeyondUtf8(bytes)} is not UTF-8 text`);
  return new TextDecoder().decode(bytes);
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
