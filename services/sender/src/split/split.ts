/** A file that is too large as a list of smaller ones, each with some of its records. */
import { createHash } from 'node:crypto';
import { SenderError } from '../errors.js';
import { Breath } from './breath.js';
import type { Records } from './record-list.js';
import { recordsOf } from './records.js';
import { type Sealing, WireBound } from './wire-bound.js';

/** Parts of one file; more are a sign that the limits do not fit together. */
const MAXIMUM_PARTS = 10_000;

export interface SplitLimits {
  /** Largest file, decoded, that receivers take; and largest message that the broker takes. Bytes. */
  readonly body: number;
  readonly message: number;
}

/** One part of a file: from one record's begin to another's end. */
interface Part {
  readonly start: number;
  readonly end: number;
}

export interface Split {
  readonly count: number;
  /** A valid file of its own, by number from 0. Made when it is asked for. */
  readonly body: (index: number) => Uint8Array;
}

/**
 * Resolves to undefined when the file goes as a whole. Rejects with SenderError not-splittable: it is too large, and is no list of records that is known, or one of
 * its records alone is too large.
 */
export async function split(body: Uint8Array, limits: SplitLimits, sealing: Sealing): Promise<Split | undefined> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const bound = new WireBound(bytes, sealing);
  if (body.length <= limits.body && bound.sealed(await bound.encoded(bytes, new Breath())) <= limits.message) return undefined;
  const records = await recordsOf(bytes);
  if ('reason' in records)
    throw new SenderError('not-splittable', `the file of ${body.length} bytes is too large, and cannot be split: ${records.reason}`);
  const parts = await partsOf(bytes, records, (size) => size.body <= limits.body && bound.sealed(size.encoded) <= limits.message, bound);
  const { head, tail } = records;
  return {
    count: parts.length,
    body: (index) => {
      const { start, end } = parts[index] ?? { start: 0, end: 0 };
      return Buffer.concat([head, bytes.subarray(start, end), tail]);
    },
  };
}

/** By what the receiver knows part number `index` (from 0) again, however often it is sent. */
export function partDeliveryId(deliveryId: string, index: number): string {
  return createHash('sha256')
    .update(`part ${index + 1} of ${deliveryId}`)
    .digest('hex');
}

interface Size {
  readonly body: number;
  readonly encoded: number;
}

type Fits = (size: Size) => boolean;

const sum = (a: Size, b: Size): Size => ({ body: a.body + b.body, encoded: a.encoded + b.encoded });

/** As many records in each part as fit. */
async function partsOf(bytes: Buffer, { head, ends, tail }: Records, fits: Fits, bound: WireBound): Promise<Part[]> {
  const breath = new Breath();
  const encoded = (await bound.encoded(head, breath)) + (await bound.encoded(tail, breath));
  const frame: Size = { body: head.length + tail.length, encoded };
  const parts: Part[] = [];
  let start = head.length;
  let last = start;
  let size = frame;
  for (const [index, end] of ends.entries()) {
    const record: Size = { body: end - last, encoded: await bound.encoded(bytes, breath, { start: last, end }) };
    if (!fits(sum(frame, record)))
      throw new SenderError(
        'not-splittable',
        `record ${index + 1} of the file has ${record.body} bytes, which alone are too many for a message`,
      );
    if (last > start && !fits(sum(size, record))) {
      parts.push({ start, end: last });
      start = last;
      size = frame;
    }
    size = sum(size, record);
    last = end;
  }
  parts.push({ start, end: last });
  if (parts.length > MAXIMUM_PARTS) throw new SenderError('not-splittable', `the file would become more than ${MAXIMUM_PARTS} messages`);
  return parts;
}
