/** What hostile tests do to messages, and what may come of it: a coded error, or the same body of the same signer. */
import assert from 'node:assert/strict';
import { context, type DerNode, derOf, nullValue, octetString, sequence } from '../src/der.js';
import { EMPA_ERROR_CODES, EmpaError } from '../src/errors.js';
import { textOf, type World } from './world.js';

export const BODY = 'Site: A\nNumber: 1\n';

/** How often each outcome came. */
export type Tally = Map<string, number>;

/** Opens; fails when anything but a coded error or the true message comes of it. */
export async function outcome(world: World, raw: Uint8Array, tally: Tally): Promise<void> {
  let result: string;
  try {
    const opened = await world.open(raw);
    assert.equal(textOf(opened), BODY);
    assert.equal(opened.signer.toString(), world.site.dn);
    assert.ok(opened.certificate.publicKey.equals(world.site.key.publicKey));
    result = 'opened';
  } catch (error) {
    if (!(error instanceof EmpaError)) throw error;
    assert.ok(EMPA_ERROR_CODES.includes(error.code));
    assert.ok(error.step !== undefined, error.code);
    // A body is shown as signed only when it was.
    if (error.partial.body !== undefined) assert.equal(Buffer.from(error.partial.body).toString('latin1'), BODY);
    result = error.code;
  }
  tally.set(result, (tally.get(result) ?? 0) + 1);
}

export async function outcomes(world: World, messages: Iterable<Uint8Array>): Promise<Tally> {
  const tally: Tally = new Map();
  for (const raw of messages) await outcome(world, raw, tally);
  return tally;
}

export function* truncations(raw: Buffer): Generator<Buffer> {
  for (let length = 0; length < raw.length; length += 1) yield raw.subarray(0, length);
}

export function* bitFlips(raw: Buffer): Generator<Buffer> {
  for (let at = 0; at < raw.length; at += 1) {
    for (let bit = 1; bit < 256; bit *= 2) {
      const flipped = Buffer.from(raw);
      flipped[at] = flipped.readUInt8(at) ^ bit;
      yield flipped;
    }
  }
}

/** Without the last line ends, which nobody needs. */
export function trimmed(raw: Buffer): Buffer {
  return Buffer.from(raw.toString('latin1').trimEnd(), 'latin1');
}

/** DER of a constructed value with these in it. */
function holding(items: readonly Buffer[], node: DerNode): Buffer {
  if (node.tagClass === 'context') return context(node.tag, items);
  const body = sequence(...items);
  body[0] = node.raw.readUInt8(0);
  return body;
}

/** DER of the tree with some values in it replaced, each wherever it is. */
export function exchanged(node: DerNode, changes: readonly (readonly [from: Buffer, to: Buffer])[]): Buffer {
  const change = changes.find(([from]) => from.equals(node.raw));
  if (change !== undefined) return change[1];
  if (!node.constructed) return node.raw;
  const children = node.children.map((child) => exchanged(child, changes));
  return holding(children, node);
}

/** DER of the tree with one value in it replaced by others. */
export function* mutations(node: DerNode): Generator<Buffer> {
  const children = node.children.map(derOf);
  const rebuilt = (items: readonly Buffer[]): Buffer => holding(items, node);
  for (const [index, child] of node.children.entries()) {
    const own = derOf(child);
    const others: readonly (readonly Buffer[])[] = [
      [],
      [own, own],
      [nullValue()],
      [sequence(own)],
      [octetString(own)],
      [context(0, own)],
      [context(1, child.content, child.constructed)],
    ];
    for (const other of others) yield rebuilt(children.toSpliced(index, 1, ...other));
    const next = children[index + 1];
    if (next !== undefined) yield rebuilt(children.toSpliced(index, 2, next, own));
    for (const mutation of mutations(child)) yield rebuilt(children.with(index, mutation));
  }
}
