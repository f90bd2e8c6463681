/** What a record of the delivery record says, and how it is read. */
import { promises as fs } from 'node:fs';
import { SpoolError } from './errors.js';
import { failedWith } from './faults.js';
import { fieldsOf } from './json.js';

const MAXIMUM_FILE = 262_144;
const VERSION = 1;

export interface Entry {
  readonly id: string;
  readonly stagedPath: string;
  readonly recordedAt: Date;
}

export function textOf(entry: Entry): string {
  return `${JSON.stringify({ version: VERSION, ...entry })}\n`;
}

/** undefined: there is none. SpoolError `record-corrupt` when it does not say what a record says, `record-newer` when only a newer version knows. */
export async function readEntry(file: string): Promise<Entry | undefined> {
  let text: string;
  try {
    text = await fs.readFile(file, 'utf8');
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
  return (text.length > MAXIMUM_FILE ? undefined : parseEntry(text, file)) ?? corrupt(file);
}

function corrupt(file: string): never {
  throw new SpoolError('record-corrupt', `${file} is not a record of a delivery`, { path: file });
}

function parseEntry(text: string, file: string): Entry | undefined {
  const fields = fieldsOf(text);
  const version = fields.get('version');
  if (typeof version === 'number' && version > VERSION)
    throw new SpoolError('record-newer', `${file} was written by a newer version of SSM (records of version ${version})`, { path: file });
  const [id, stagedPath, recordedAt] = ['id', 'stagedPath', 'recordedAt'].map((key) => fields.get(key));
  if (version !== VERSION || typeof id !== 'string' || typeof stagedPath !== 'string' || typeof recordedAt !== 'string') return undefined;
  const moment = new Date(recordedAt);
  return Number.isNaN(moment.getTime()) ? undefined : { id, stagedPath, recordedAt: moment };
}
