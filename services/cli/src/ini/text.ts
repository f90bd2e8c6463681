/** Text as Python sees it: what it calls white space differs from JavaScript's, and so would what is stripped from a value. */
const SPACE = '\\t\\n\\v\\f\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const START = new RegExp(`^[${SPACE}]+`, 'u');
const END = new RegExp(`[${SPACE}]+$`, 'u');

export function strip(text: string): string {
  return stripEnd(text).replace(START, '');
}

export function stripEnd(text: string): string {
  // A pattern that ends in $ is tried at every blank of a long run: only a tail that can match is given to it.
  let end = text.length;
  while (end > 0 && END.test(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

/** Position of the first character that is no white space. */
export function indentOf(line: string): number {
  return START.exec(line)?.[0].length ?? 0;
}

/** Lines as a text file is read: ended by LF, CRLF or CR, and by nothing else that Unicode calls a line end. */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\r|\n/);
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}
