import { createHash } from 'node:crypto';

const KEY_BYTES = 24;

/** Ids are any text; what is shared is short, and always as long. */
export function keyOf(id: string): string {
  return createHash('sha256').update(id).digest().subarray(0, KEY_BYTES).toString('base64url');
}
