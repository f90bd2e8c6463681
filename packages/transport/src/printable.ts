const MAX_TEXT = 500;

/** A broker's words, fit for a log: one line, bounded, without control characters. */
export function printable(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line;
}
