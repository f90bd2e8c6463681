/**
 * How large a sealed message can become at most, from the bytes of its file alone. Where a file is split must not depend on anything that
 * changes between two attempts, as signatures and certificates do: else a part would be sent with other records the second time.
 */

import { type Breath, STRETCH } from './breath.js';

/** How messages are sealed. */
export interface Sealing {
  /** 0: signed only. */
  readonly recipients: number;
  readonly transferEncoding: 'auto' | 'base64';
}

/** The signature with certificate and intermediates, and the MIME headers, generously. */
const SIGNATURE_BYTES = 32 * 1024;
/** Of an encrypted message: for itself, and for each recipient. */
const ENVELOPE_BYTES = 4096;
const RECIPIENT_BYTES = 2048;
/** Base64 in lines of 64 characters and their ends. */
const BASE64 = (4 / 3) * (65 / 64) * 1.001;
/** Lines of quoted-printable that are broken softly. */
const SOFT_ENDS = 75 / 73;

/** From the first byte to before the last. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const ESCAPED = 3;
/** A blank at the end of a line, or of everything, is escaped. */
const END_OF_LINE = ESCAPED - 1;
/** What receivers take for the mark of an encrypted message has one letter escaped. */
const MARK = 'pkcs7-mime';

/** Bytes that each byte of a file may become. Messages have LF for line ends, but before they are encrypted CR LF. */
function costsOf(hasMark: boolean, isEncrypted: boolean): Uint8Array {
  const costs = new Uint8Array(256).fill(ESCAPED);
  costs.fill(1, SPACE, 0x7f);
  costs[TAB] = 1;
  costs[LF] = isEncrypted ? 2 : 1;
  costs['='.charCodeAt(0)] = ESCAPED;
  if (hasMark) costs['p'.charCodeAt(0)] = ESCAPED;
  return costs;
}

export class WireBound {
  readonly #costs: Uint8Array;
  readonly #sealing: Sealing;

  constructor(body: Buffer, sealing: Sealing) {
    this.#costs = costsOf(body.includes(MARK), sealing.recipients > 0);
    this.#sealing = sealing;
  }

  /** Of a stretch of bytes; those of neighbours can be added. */
  async encoded(bytes: Uint8Array, breath: Breath, { start, end }: Stretch = { start: 0, end: bytes.length }): Promise<number> {
    if (this.#sealing.transferEncoding === 'base64') return (end - start) * BASE64;
    // What is at the ends of the stretch depends on its neighbours.
    let sum = 2 * END_OF_LINE;
    for (let at = start; at < end; at += STRETCH) {
      sum += this.#costOf(bytes, { start: at, end: Math.min(at + STRETCH, end) }, at > start ? bytes[at - 1] : 0);
      if (breath.isDue) await breath.take();
    }
    return sum * SOFT_ENDS;
  }

  #costOf(bytes: Uint8Array, { start, end }: Stretch, neighbour = 0): number {
    const costs = this.#costs;
    let sum = 0;
    let before = neighbour;
    for (let at = start; at < end; at += 1) {
      const byte = bytes[at] ?? 0;
      sum += costs[byte] ?? 0;
      if (byte === LF && (before === SPACE || before === TAB)) sum += END_OF_LINE;
      before = byte;
    }
    return sum;
  }

  /** Of the sealed message of this many encoded bytes. */
  sealed(encoded: number): number {
    const { recipients } = this.#sealing;
    const signed = encoded + SIGNATURE_BYTES;
    return Math.ceil(recipients === 0 ? signed : signed * BASE64 + ENVELOPE_BYTES + recipients * RECIPIENT_BYTES);
  }
}
