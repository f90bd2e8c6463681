/**
 * Characters that a terminal or a viewer obeys instead of showing: controls (C0, C1), formats (bidirectional overrides, zero width), halves of
 * surrogate pairs, line and paragraph separators. A text from a message must not be able to forge a line or hide a part of one.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Unprintable characters, without those in `kept`, as \uXXXX: in JSON, where strings have C0 escaped already, the value stays the same. */
export function jsonEscaped(text: string, kept = ''): string {
  return replaced(text, kept, (character) =>
    character
      .split('')
      .map((unit) => `\\u${hex(unit.charCodeAt(0), 4)}`)
      .join(''),
  );
}

/** Unprintable characters, without those in `kept`, as \xHH or \u{HHHH}. */
export function hexEscaped(text: string, kept = ''): string {
  return replaced(text, kept, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const digits = hex(code, 2).toUpperCase();
    return code <= 0xff ? `\\x${digits}` : `\\u{${digits}}`;
  });
}

function replaced(text: string, kept: string, escaped: (character: string) => string): string {
  return text.replaceAll(UNPRINTABLE, (character) => (kept.includes(character) ? character : escaped(character)));
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
