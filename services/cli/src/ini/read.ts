import { type IniFile, parseIni } from './parse.js';
import { linesOf, strip } from './text.js';

/**
 * The bytes of a file, in UTF-8. A byte order mark is dropped. Other encodings are taken in comments, where they change nothing; elsewhere
 * they are a fault of that line.
 */
export function readIni(bytes: Uint8Array): IniFile {
  try {
    return parseIni(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // Every byte is a character here, so that lines can be judged one by one.
    const lines = linesOf(Buffer.from(bytes).toString('latin1')).map(decoded);
    const faulty = lines.flatMap(({ foreign, text }, index) =>
      foreign && !/^[#;]/.test(strip(text)) ? [{ line: index + 1, message: 'is not UTF-8 text' }] : [],
    );
    const file = parseIni(
      lines
        .map(({ text }) => text)
        .join('\n')
        .replace(/^\ufeff/, ''),
    );
    return { ...file, faults: [...faulty, ...file.faults] };
  }
}

function decoded(latin1: string): { readonly text: string; readonly foreign: boolean } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(latin1, 'latin1')), foreign: false };
  } catch {
    return { text: latin1, foreign: true };
  }
}
