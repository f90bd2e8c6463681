/**
 * Python's configparser, as `ConfigParser()` of Python 3 reads a file: strict, full-line comments only, both delimiters, continuation
 * lines by indentation, empty lines in values, the DEFAULT section, names in lower case.
 */
import { indentOf, linesOf, strip, stripEnd } from './text.js';

export const DEFAULT_SECTION = 'DEFAULT';

export interface IniEntry {
  /** Line of the name, from 1. */
  readonly line: number;
  /** As written, continuation lines joined with LF; not interpolated. */
  readonly raw: string;
}

export interface IniFault {
  readonly line: number;
  readonly message: string;
}

export type IniSection = ReadonlyMap<string, IniEntry>;

export interface IniFile {
  /** Without DEFAULT, in the order of the file. */
  readonly sections: ReadonlyMap<string, IniSection>;
  readonly defaults: IniSection;
  /** Line of the header of each section. */
  readonly headers: ReadonlyMap<string, number>;
  /** With one of these Python reads nothing at all. */
  readonly faults: readonly IniFault[];
}

interface Open {
  readonly line: number;
  readonly parts: string[];
}

/** The text of a file, without a byte order mark. Never throws. */
export function parseIni(text: string): IniFile {
  const reader = new Reader();
  for (const [index, line] of linesOf(text).entries()) reader.take(line, index + 1);
  return reader.finish();
}

class Reader {
  readonly #sections = new Map<string, Map<string, Open>>();
  readonly #defaults = new Map<string, Open>();
  readonly #headers = new Map<string, number>();
  readonly #faults: IniFault[] = [];
  #section: { readonly name: string; readonly entries: Map<string, Open> } | undefined;
  /** What an indented line goes on with. */
  #entry: Open | undefined;
  #indent = 0;

  take(line: string, number: number): void {
    const text = strip(line);
    if (text.startsWith('#') || text.startsWith(';')) return;
    if (text === '') {
      this.#entry?.parts.push('');
      return;
    }
    const indent = indentOf(line);
    if (this.#entry !== undefined && indent > this.#indent) {
      this.#entry.parts.push(text);
      return;
    }
    this.#indent = indent;
    const [, header] = /^\[(.+)\]/s.exec(text) ?? [];
    if (header === undefined) this.#option(text, number);
    else this.#header(header, number);
  }

  #header(name: string, line: number): void {
    this.#entry = undefined;
    const before = this.#sections.get(name);
    if (before !== undefined) this.#faults.push({ line, message: `section [${name}] is there a second time` });
    const entries = name === DEFAULT_SECTION ? this.#defaults : (before ?? new Map<string, Open>());
    this.#section = { name, entries };
    if (name === DEFAULT_SECTION || before !== undefined) return;
    this.#sections.set(name, entries);
    this.#headers.set(name, line);
  }

  #option(text: string, line: number): void {
    const at = text.search(/[=:]/);
    const name = stripEnd(text.slice(0, Math.max(at, 0))).toLowerCase();
    const message = this.#faultOf(at, name);
    // What is indented below a line that is nothing still belongs to the entry before it.
    if (at >= 0) this.#entry = undefined;
    if (message !== undefined || this.#section === undefined) {
      this.#faults.push({ line, message: message ?? 'stands before the first [section]' });
      return;
    }
    this.#entry = { line, parts: [strip(text.slice(at + 1))] };
    this.#section.entries.set(name, this.#entry);
  }

  #faultOf(delimiterAt: number, name: string): string | undefined {
    if (this.#section === undefined) return 'stands before the first [section]';
    if (delimiterAt < 0) return 'is neither "key: value" nor a [section]';
    if (name === '') return 'has no key before its delimiter';
    return this.#section.entries.has(name) ? `${name} is there a second time in [${this.#section.name}]` : undefined;
  }

  finish(): IniFile {
    return {
      sections: new Map([...this.#sections].map(([name, entries]) => [name, joined(entries)])),
      defaults: joined(this.#defaults),
      headers: this.#headers,
      faults: this.#faults,
    };
  }
}

function joined(entries: ReadonlyMap<string, Open>): IniSection {
  return new Map([...entries].map(([name, { line, parts }]) => [name, { line, raw: stripEnd(parts.join('\n')) }]));
}
