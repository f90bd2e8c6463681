const MAX_TEXT = 500;
/** Shorter secrets would blank out half of what is said. */
const MIN_SECRET = 4;

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', ':': '\\c' };
const UNESCAPED: Readonly<Record<string, string>> = { '\\\\': '\\', '\\c': ':', '\\n': '\n', '\\r': '\r' };

/** As it may come back: as it is, as a STOMP header escapes it, as a broker took it that unescapes CONNECT, as part of a URL. Longest first. */
function formsOf(secret: string): string[] {
  const escaped = secret.replaceAll(/[\\:]/g, (sign) => ESCAPES[sign] ?? sign);
  const unescaped = secret.replaceAll(/\\[\\cnr]/g, (pair) => UNESCAPED[pair] ?? pair);
  const forms = [secret, unescaped].flatMap((form) => [form, encodeURIComponent(Buffer.from(form).toString())]);
  return [...new Set([...forms, escaped])].filter(({ length }) => length >= MIN_SECRET).toSorted((a, b) => b.length - a.length);
}

/** A broker's words, fit for a log and the health page: one line, bounded, without control characters, and without the secrets that it was shown. */
export function printable(text: string, secrets: readonly string[] = []): string {
  // Before anything is folded or cut: half of a secret is found no more.
  const safe = secrets.flatMap(formsOf).reduce((rest, form) => rest.replaceAll(form, '***'), text);
  const line = safe.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line;
}
