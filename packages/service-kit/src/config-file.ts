/** The only importer of yaml. */
import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { ServiceError } from './errors.js';

/** Largest configuration file and largest secret file, in bytes. */
export const MAX_CONFIG_BYTES = 1024 * 1024;
export const MAX_SECRET_BYTES = 64 * 1024;

/**
 * Reads a text file of limited size. Throws the error of the file system, or a RangeError when it is too large.
 */
export function readTextFile(file: string, maximumBytes: number): string {
  const text = readFileSync(file);
  if (text.byteLength > maximumBytes) throw new RangeError(`larger than ${maximumBytes} bytes`);
  return new TextDecoder('utf-8', { fatal: true }).decode(text);
}

/**
 * Parses YAML 1.2, of which JSON is a part. Every scalar stays the text that was written, null apart: a passcode 0123 or 1e3
 * must not become a number on its way. Throws `config-unreadable` with code and place, never with an excerpt: it might show a secret.
 */
export function parseConfigText(text: string, name: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { schema: 'failsafe', customTags: ['null'], lineCounter: lines, prettyErrors: false });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    throw new ServiceError('config-unreadable', `${name}: neither YAML nor JSON: ${fault.code} at line ${line}, column ${col}`);
  }
  try {
    return document.toJS();
  } catch {
    throw new ServiceError('config-unreadable', `${name}: a YAML alias cannot be resolved, or there are too many of them`);
  }
}
