/** Names of elements: those of dirq, and file names of a plain directory, which may be any bytes. */
import { SpoolError } from './errors.js';

const DIRECTORY = /^[0-9a-f]{8}$/;
const ELEMENT = /^[0-9a-f]{14}$/;
const DIRECTORY_AND_ELEMENT = /^([0-9a-f]{8})\/([0-9a-f]{14})$/;
/** Seconds of a dirq Simple queue that share a directory. */
const GRANULARITY = 60;
const MICROSECONDS = 1_000_000;
/** Writers that use one name for ever do not put the time into it: before September 2001 it is no time. */
const EARLIEST_SECOND = 1_000_000_000;

/** `%08x%05x%01x`: seconds, microseconds, one digit of the source's own. Never twice the same from one source, always increasing. */
export class NameSource {
  readonly #now: () => Date;
  readonly #random: () => number;
  #digit: string;
  /** The clock counts milliseconds: names of processes that start in the same one still differ by this. */
  readonly #offset: number;
  #last = 0;

  constructor(now: () => Date, random: () => number) {
    this.#now = now;
    this.#random = random;
    this.#digit = this.#anyDigit();
    this.#offset = Math.floor(random() * 1000);
  }

  next(): string {
    this.#last = Math.max(this.#last + 1, this.#now().getTime() * 1000 + this.#offset);
    const seconds = Math.floor(this.#last / MICROSECONDS);
    return hex(seconds, 8) + hex(this.#last % MICROSECONDS, 5) + this.#digit;
  }

  /** Another process has the same digit, and may have many names from here on: those that follow get another one. */
  taken(): void {
    this.#digit = this.#anyDigit();
  }

  #anyDigit(): string {
    return Math.floor(this.#random() * 16).toString(16);
  }
}

/** The directory in which a dirq Simple queue puts what comes at this moment. */
export function directoryNameAt(moment: Date): string {
  const seconds = Math.floor(moment.getTime() / 1000);
  return hex(seconds - (seconds % GRANULARITY), 8);
}

/** 8 lower-case hexadecimal digits. */
export function numberedDirectory(number: number): string {
  return hex(number, 8);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

export function isDirectoryName(name: string): boolean {
  return DIRECTORY.test(name);
}

export function isElementName(name: string): boolean {
  return ELEMENT.test(name);
}

/** SpoolError `name-invalid` unless it is `8hex/14hex`. */
export function splitElementName(name: string): { readonly directory: string; readonly element: string } {
  const [, directory, element] = DIRECTORY_AND_ELEMENT.exec(name) ?? [];
  if (directory === undefined || element === undefined)
    throw new SpoolError('name-invalid', `not the name of an element: ${printable(name)}`);
  return { directory, element };
}

/** When an element was named; undefined when the name cannot be a time (too old, or in the future by more than a day). */
export function timeOfElement(element: string, now: Date): Date | undefined {
  const seconds = Number.parseInt(element.slice(0, 8), 16);
  if (seconds < EARLIEST_SECOND || seconds > now.getTime() / 1000 + 86_400) return undefined;
  return new Date(seconds * 1000 + Math.floor(Number.parseInt(element.slice(8, 13), 16) / 1000));
}

/** Plain directory: dot-files, and what writers call a file that is not yet whole. */
export function isUnfinishedName(name: string): boolean {
  return name.startsWith('.') || name.endsWith('.tmp') || name.endsWith('.part') || name.endsWith('~');
}

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Where bytes that are not UTF-8 go (as in PEP 383), so that a name of any bytes comes back from its text unchanged. */
const ESCAPE = 0xdc00;

/** The text of a file name given byte for byte as latin1. */
export function decodeName(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1');
  try {
    return STRICT.decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : ESCAPE + byte)).join('');
  }
}

/** Has this name no UTF-8 form? */
export function isForeignName(name: string): boolean {
  return LONE_SURROGATE.test(name);
}

/** The bytes of a name from {@link decodeName}. */
export function encodeName(name: string): Buffer {
  if (!isForeignName(name)) return Buffer.from(name);
  return Buffer.from(Array.from(name, (character) => character.charCodeAt(0) & 0xff));
}

/** SpoolError `name-invalid` unless it can be the name of one file. */
export function checkFileName(name: string): void {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0'))
    throw new SpoolError('name-invalid', `not a file name: ${printable(name)}`);
}

/** A path for node:fs below a directory; bytes when text cannot say it. */
export function fileIn(directory: string, name: string): string | Buffer {
  return isForeignName(name) ? Buffer.concat([Buffer.from(`${directory}/`), encodeName(name)]) : `${directory}/${name}`;
}

function printable(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}...` : name);
}
