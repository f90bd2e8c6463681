/** Where the records of an accounting file are: what a part must begin and end with, and where it may end. */
import type { NoRecords, Records } from './record-list.js';
import { textRecords } from './text-records.js';
import { xmlRecords } from './xml-records.js';

/** Reads nothing into a file: what is not clearly a list of records is not one. */
export async function recordsOf(body: Uint8Array): Promise<Records | NoRecords> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return (await textRecords(bytes)) ?? (await xmlRecords(bytes)) ?? { reason: 'it begins neither with an APEL header line nor with XML' };
}
