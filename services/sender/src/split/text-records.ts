import { Breath, STRETCH } from './breath.js';
import { MAXIMUM_RECORDS, type NoRecords, type Records } from './record-list.js';

/** `APEL-individual-job-message: v0.3` and its like. */
const HEADER = /^APEL-[A-Za-z]+(?:-[A-Za-z]+)*-message: v\d+\.\d+[ \t]*\r?\n/;
const MAXIMUM_HEADER = 256;
const LF = 0x0a;
const CR = 0x0d;
const PERCENT = 0x25;

/** Records of text, each of which ends with a line `%%`; the last may lack it. undefined: no such file. */
export async function textRecords(body: Buffer): Promise<Records | NoRecords | undefined> {
  const header = HEADER.exec(body.subarray(0, MAXIMUM_HEADER).toString('latin1'))?.[0];
  if (header === undefined) return undefined;
  const ends: number[] = [];
  const breath = new Breath();
  // Since the last record's end. What is blank belongs to the record behind it: no part shall have no record.
  let isBlankSoFar = true;
  let line = 0;
  for (let at = header.length; at < body.length; ) {
    if (at >= line) line = lineEnd(body, at);
    const end = Math.min(line, at + STRETCH);
    if (isBlankSoFar) isBlankSoFar = isBlank(body, at, end);
    else if (isSeparator(body, at, end)) {
      ends.push(end);
      isBlankSoFar = true;
      if (ends.length > MAXIMUM_RECORDS) return { reason: `it has more than ${MAXIMUM_RECORDS} records` };
    }
    at = end;
    if (breath.isDue) await breath.take();
  }
  if (isBlankSoFar && ends.length > 0) ends[ends.length - 1] = body.length;
  else ends.push(body.length);
  return { head: body.subarray(0, header.length), ends, tail: body.subarray(body.length) };
}

/** Behind the line end of the line at `at`. */
function lineEnd(body: Buffer, at: number): number {
  const end = body.indexOf(LF, at);
  return end === -1 ? body.length : end + 1;
}

/** Where a line begins, and in no other place. */
function isSeparator(body: Buffer, start: number, end: number): boolean {
  if (body[start - 1] !== LF) return false;
  let last = end;
  if (body[last - 1] === LF) last -= 1;
  if (body[last - 1] === CR) last -= 1;
  return last - start === 2 && body[start] === PERCENT && body[start + 1] === PERCENT;
}

/** Nothing but white space and separators. */
function isBlank(body: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = body[at] ?? 0;
    if (byte !== PERCENT && byte !== LF && byte !== CR && byte !== 0x20 && byte !== 0x09) return false;
  }
  return true;
}
