/**
 * `HASH.signing_policy` files (Globus EACL): which subjects a CA may sign. Of each CA the first entry that grants CA:sign counts.
 *
 *   access_id_CA  X509   '/C=UK/O=eScience/CN=CA'
 *   pos_rights    globus CA:sign
 *   cond_subjects globus '"/C=UK/O=eScience/*" "/C=UK/O=other/*"'
 */
import { EmpaError } from '../errors.js';
import { type DistinguishedName, DnRule } from './name.js';
import { matchesWildcard } from './wildcard.js';

/** What one entry grants one CA. */
export interface SigningPolicy {
  readonly ca: DnRule;
  /** Patterns of the slash form of a subject; `*` any run of characters, `?` one, case ignored. */
  readonly subjects: readonly string[];
}

/** What was read of one file. */
export interface SigningPolicyFile {
  readonly policies: readonly SigningPolicy[];
  /** Every CA that the file names, as far as it could be read. */
  readonly cas: readonly DnRule[];
  /** Why the file as a whole must not be used (signing-policy-malformed); there are no policies then. */
  readonly fault?: EmpaError;
}

/** Whether the CA of this policy may sign a certificate for the subject. */
export function policyAllows(policy: SigningPolicy, subject: DistinguishedName): boolean {
  const text = subject.toString();
  return policy.subjects.some((pattern) => matchesWildcard(pattern, text));
}

interface Statement {
  readonly keyword: string;
  readonly authority: string;
  readonly value: string;
  readonly line: number;
}

/** The entry that is being read: whom it is about, and what it grants. */
interface Entry {
  readonly statement: Statement;
  /** undefined: somebody who is no CA. */
  readonly ca: DnRule | undefined;
  /** The right that conditions are about. */
  right: 'none' | 'sign' | 'other';
  grantsSigning: boolean;
  subjects: readonly string[] | undefined;
}

const MAX_PATTERN = 2048;
const MAX_PATTERNS = 10_000;

function malformed(why: string, line: number, cause?: unknown): EmpaError {
  return new EmpaError('signing-policy-malformed', `signing policy, line ${line}: ${why}`, { cause });
}

/** A quoted or bare word at the beginning of the text, and what follows it. A backslash keeps a quote from ending it. */
function takeWord(text: string, line: number): { readonly word: string; readonly rest: string } {
  const quote = text.charAt(0);
  if (quote !== "'" && quote !== '"') {
    const word = /^\S*/u.exec(text)?.[0] ?? '';
    return { word, rest: text.slice(word.length) };
  }
  let end = text.indexOf(quote, 1);
  while (end > 0 && text.charAt(end - 1) === '\\') end = text.indexOf(quote, end + 1);
  if (end < 0) throw malformed('a quote that is not closed', line);
  return { word: text.slice(1, end).replaceAll(`\\${quote}`, quote), rest: text.slice(end + 1) };
}

/** `keyword authority value`, with a comment behind it at most. */
function readStatement(text: string, line: number): Statement {
  const words: string[] = [];
  let rest = text;
  while (rest !== '' && !rest.startsWith('#')) {
    const taken = takeWord(rest, line);
    words.push(taken.word);
    rest = taken.rest.trimStart();
  }
  const [keyword = '', authority = '', value = '', ...more] = words;
  if (more.length > 0) throw malformed('more than three words', line);
  return { keyword, authority: authority.toLowerCase(), value, line };
}

const UTF8_ESCAPES = /(?:\\x[89a-f][0-9a-f])+/giu;

/** Non-ASCII characters are often written as OpenSSL prints them, `\xC3\xBC`; our slash form has the characters. */
function decodeEscapes(text: string, line: number): string {
  return text.replace(UTF8_ESCAPES, (escapes) => {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(escapes.replaceAll(/\\x/giu, ''), 'hex'));
    } catch (cause) {
      throw malformed('escapes that are not UTF-8', line, cause);
    }
  });
}

/** Each pattern in its own double quotes; a single one may go without. */
function readPatterns({ value, line }: Statement): string[] {
  const patterns: string[] = [];
  let rest = value.trim();
  if (!rest.includes('"')) {
    patterns.push(rest);
    rest = '';
  }
  while (rest !== '') {
    if (!rest.startsWith('"')) throw malformed('a pattern that is not in double quotes', line);
    const taken = takeWord(rest, line);
    patterns.push(taken.word);
    rest = taken.rest.trimStart();
  }
  if (patterns.length > MAX_PATTERNS) throw malformed('too many patterns', line);
  if (patterns.some((pattern) => pattern === '' || pattern.length > MAX_PATTERN)) throw malformed('an empty or over-long pattern', line);
  return patterns.map((pattern) => decodeEscapes(pattern, line));
}

function readCa({ keyword, authority, value, line }: Statement): DnRule | undefined {
  if (keyword !== 'access_id_CA') return undefined;
  if (authority !== 'x509') throw malformed('a CA that is not X509', line);
  try {
    return DnRule.parse(decodeEscapes(value, line));
  } catch (cause) {
    throw malformed('a CA whose name cannot be read', line, cause);
  }
}

/** A condition restricts a grant: where it is not understood, the file is unusable. */
function addCondition(entry: Entry, statement: Statement): void {
  const { keyword, authority, line } = statement;
  if (entry.right === 'none') throw malformed('a condition without a right', line);
  if (entry.right === 'other') return;
  if (keyword !== 'cond_subjects' || authority !== 'globus') throw malformed('an unknown condition', line);
  if (entry.subjects !== undefined) throw malformed('a second list of subjects', line);
  entry.subjects = readPatterns(statement);
}

function addToEntry(entry: Entry, statement: Statement): void {
  const { keyword, authority, value, line } = statement;
  const signing = authority === 'globus' && value.toLowerCase() === 'ca:sign';
  if (keyword.startsWith('cond_')) {
    addCondition(entry, statement);
  } else if (keyword === 'pos_rights') {
    entry.right = signing ? 'sign' : 'other';
    entry.grantsSigning ||= signing;
  } else if (keyword === 'neg_rights') {
    if (signing) throw malformed('CA:sign is denied, which is not supported', line);
    entry.right = 'other';
  } else {
    throw malformed('an unknown keyword', line);
  }
}

function policyOf(entry: Entry): SigningPolicy | undefined {
  if (entry.right === 'none') throw malformed('an entry without a right', entry.statement.line);
  if (entry.ca === undefined || !entry.grantsSigning) return undefined;
  if (entry.subjects === undefined) throw malformed('CA:sign without cond_subjects', entry.statement.line);
  return { ca: entry.ca, subjects: entry.subjects };
}

/** A line that is a comment may be in any encoding: it is left out before the others are taken for UTF-8. */
function linesOf(bytes: Uint8Array): string[] {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  return lines.map((line) => (/^[ \t]*#/u.test(line) ? '' : utf8.decode(Buffer.from(line, 'latin1'))));
}

function readEntries(bytes: Uint8Array, cas: DnRule[]): Entry[] {
  const entries: Entry[] = [];
  for (const [index, line] of linesOf(bytes).entries()) {
    const statement = readStatement(line.trim(), index + 1);
    if (statement.keyword === '') continue;
    const entry = entries.at(-1);
    if (statement.keyword.startsWith('access_id_')) {
      const ca = readCa(statement);
      if (ca !== undefined) cas.push(ca);
      entries.push({ statement, ca, right: 'none', grantsSigning: false, subjects: undefined });
    } else if (entry === undefined) {
      throw malformed('a right or condition before any access_id', statement.line);
    } else {
      addToEntry(entry, statement);
    }
  }
  return entries;
}

/** Reads a file. Never throws: a fault is part of the result, with the CAs that it concerns. */
export function parseSigningPolicy(bytes: Uint8Array): SigningPolicyFile {
  const cas: DnRule[] = [];
  try {
    const policies = readEntries(bytes, cas)
      .map(policyOf)
      .filter((policy) => policy !== undefined);
    return { policies, cas };
  } catch (cause) {
    const fault = cause instanceof EmpaError ? cause : new EmpaError('signing-policy-malformed', 'signing policy: not UTF-8', { cause });
    return { policies: [], cas, fault };
  }
}
