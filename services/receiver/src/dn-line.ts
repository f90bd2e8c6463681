/** A line of a list of DNs as people write it: what other programs print is read as they mean it, and what can never match is not let pass. */
import { DistinguishedName, DnRule, type NameAttribute } from '@ssm/empa';

export interface DnLine {
  readonly rule: DnRule;
  /** The line without a look at what other programs may mean, where that is another name. */
  readonly literal?: DnRule;
  /** Why it may not be what was meant. */
  readonly doubt: string | undefined;
}

/** Of these a DN has one at most, or a run of them: what comes again after others is another DN. Neither has slashes in its value. */
const ROOTS = new Set(['C', 'DC']);
const BROAD = new Set([...ROOTS, 'ST', 'L', 'O', 'OU']);
const NARROW = new Set(['CN', 'UID', 'emailAddress', 'serialNumber']);
/** `C = UK, O = eScience`: the default of openssl up to 3.1, in encoded order. */
const OPENSSL_LINE = /^[\w.]+ = [^=]*(?:, [\w.]+ = [^=]*)+$/u;
/** Bytes beyond ASCII, as openssl x509 -nameopt compat prints them. */
const PRINTED_BYTES = /(?:\\x[89a-f][0-9a-f])+/giu;

/** A fault of a line that could be read, but never match what was meant. */
class DnLineError extends Error {
  override readonly name = 'DnLineError';
}

/** Throws EmpaError name-malformed, and DnLineError with what the line should be. */
export function readDnLine(line: string): DnLine {
  const asIs = DnRule.parse(line);
  if (asIs.isSlashForm) return readSlashLine(asIs);
  const doubt = doubtOfOrder(asIs.name, line) ?? doubtOfSlash(asIs.name, line.trim());
  return { rule: asIs, doubt };
}

function readSlashLine(asIs: DnRule): DnLine {
  const { attributes } = asIs.name;
  const doubt = doubtOfSecondName(attributes) ?? attributes.map(doubtOfValue).find((one) => one !== undefined);
  const values = attributes.map((attribute) => ({ ...attribute, value: asPrinted(attribute.value) }));
  if (values.every(({ value }, index) => value === attributes[index]?.value)) return { rule: asIs, doubt };
  return { rule: DnRule.parse(new DistinguishedName(values.map((one) => [one])).toString()), literal: asIs, doubt };
}

/** What is no UTF-8 is left: it is not of a name that openssl printed from UTF-8. */
function asPrinted(value: string): string {
  return value.replaceAll(/\\([/+])/gu, '$1').replaceAll(PRINTED_BYTES, (run) => utf8Of(run) ?? run);
}

function utf8Of(run: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(run.replaceAll(/\\x/giu, ''), 'hex'));
  } catch {
    return undefined;
  }
}

function doubtOfOrder({ rdns }: DistinguishedName, line: string): string | undefined {
  const [first] = rdns.at(-1) ?? [];
  const [last] = rdns[0] ?? [];
  if (rdns.length < 2 || !BROAD.has(first?.type ?? '') || !NARROW.has(last?.type ?? '')) return undefined;
  const meant = new DistinguishedName(rdns.toReversed());
  const why = `with commas the last attribute comes first (RFC 4514); if this is ${meant.toString()}, write it so`;
  if (OPENSSL_LINE.test(line.trim())) throw new DnLineError(why);
  return why;
}

/** `C=UK/O=eScience`: one attribute. */
function doubtOfSlash({ attributes }: DistinguishedName, text: string): string | undefined {
  const [only] = attributes;
  if (only === undefined || attributes.length > 1 || !isSeveral(`/${text}`)) return undefined;
  const why = `this is one attribute ${only.type}; with the slash in front that was forgotten: /${text}`;
  if (ROOTS.has(only.type)) throw new DnLineError(why);
  return why;
}

function isSeveral(text: string): boolean {
  try {
    return DistinguishedName.parse(text).attributes.length > 1;
  } catch {
    return false;
  }
}

/** `/C=UK/CN=a,/C=UK/CN=b`. */
function doubtOfSecondName(attributes: readonly NameAttribute[]): string | undefined {
  const root = attributes[0]?.type ?? '';
  const again = attributes.findIndex(({ type }, index) => {
    const before = attributes[index - 1];
    return type === root && before !== undefined && before.type !== root && /[,;] ?$/u.test(before.value);
  });
  if (again < 0) return undefined;
  const why = `a second DN seems to begin at its second /${root}=: one DN a line`;
  if (ROOTS.has(root)) throw new DnLineError(why);
  return why;
}

function doubtOfValue({ type, value }: NameAttribute, index: number, all: readonly NameAttribute[]): string | undefined {
  const isLast = index === all.length - 1;
  if (isLast && /\s#/u.test(value)) return `the ${type} is ${JSON.stringify(value)}; a comment wants a line of its own`;
  if (!isLast && value.endsWith('\\')) return `the ${type} ends in a backslash; where a slash is meant use RFC 4514`;
  return asPrinted(value).match(PRINTED_BYTES) === null ? undefined : `the ${type} has escapes that are not UTF-8; write its characters`;
}
