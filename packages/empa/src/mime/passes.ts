/** What the passes over text are: text.wat says what each of them does. Addresses are those of the memory. */
export interface Passes {
  /** 256 KiB. */
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly values: { readonly value: number };
  readonly input: { readonly value: number };
  readonly inputSize: { readonly value: number };
  readonly output: { readonly value: number };
  readonly pending: { value: number };
  readonly bits: { value: number };
  readonly padding: { value: number };
  readonly sevenBit: (from: number, to: number, line: number, longest: number) => number;
  readonly countLoneFeeds: (from: number, to: number) => number;
  readonly toCrlf: (from: number, to: number, out: number) => number;
  readonly countPairs: (from: number, to: number) => number;
  readonly toLf: (from: number, to: number, out: number) => number;
  readonly encodeLines: (from: number, to: number, out: number) => number;
  readonly decode: (from: number, to: number, out: number) => number;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TILDE = 0x7e;
/** Octets in a line of base64. */
const LINE_OCTETS = 48;
/** In the table of base64. */
const WHITE_SPACE = 64;
const PADDING = 65;
const OTHER = 66;

/** The same as text.wat, octet by octet. */
export class PlainPasses implements Passes {
  readonly memory = { buffer: new ArrayBuffer(256 * 1024) };
  readonly values = { value: 0 };
  readonly input = { value: 1024 };
  readonly inputSize = { value: 64 * 1024 };
  readonly output = { value: 66 * 1024 };
  readonly pending = { value: 0 };
  readonly bits = { value: 0 };
  readonly padding = { value: 0 };
  readonly #octets = Buffer.from(this.memory.buffer);

  readonly sevenBit: Passes['sevenBit'] = (from, to, line, longest) => {
    let length = line;
    for (let at = from; at < to; at += 1) {
      const octet = this.#octets[at] ?? 0;
      if (octet === TAB || (octet >= SPACE && octet <= TILDE)) {
        length += 1;
        continue;
      }
      const last = length > 0 ? this.#octets[at - 1] : undefined;
      if (octet !== LF || length > longest || last === SPACE || last === TAB) return -1;
      length = 0;
    }
    return length;
  };

  readonly countLoneFeeds: Passes['countLoneFeeds'] = (from, to) => {
    let count = 0;
    for (let at = from; at < to; at += 1) if (this.#octets[at] === LF && this.#octets[at - 1] !== CR) count += 1;
    return count;
  };

  readonly toCrlf: Passes['toCrlf'] = (from, to, out) => {
    let end = out;
    for (let at = from; at < to; at += 1) {
      if (this.#octets[at] === LF && this.#octets[at - 1] !== CR) this.#octets[end++] = CR;
      this.#octets[end++] = this.#octets[at] ?? 0;
    }
    return end;
  };

  readonly countPairs: Passes['countPairs'] = (from, to) => {
    let count = 0;
    for (let at = from; at < to; at += 1) if (this.#octets[at] === CR && this.#octets[at + 1] === LF) count += 1;
    return count;
  };

  readonly toLf: Passes['toLf'] = (from, to, out) => {
    let end = out;
    for (let at = from; at < to; at += 1)
      if (this.#octets[at] !== CR || this.#octets[at + 1] !== LF) this.#octets[end++] = this.#octets[at] ?? 0;
    return end;
  };

  readonly encodeLines: Passes['encodeLines'] = (from, to, out) => {
    let end = out;
    for (let at = from; at < to; at += LINE_OCTETS)
      end += this.#octets.write(`${this.#octets.toString('base64', at, at + LINE_OCTETS)}\n`, end, 'latin1');
    return end;
  };

  readonly decode: Passes['decode'] = (from, to, out) => {
    const { pending, bits, padding } = this;
    let end = out;
    for (let at = from; at < to; at += 1) {
      const value = this.#octets[this.#octets[at] ?? 0] ?? OTHER;
      if (value === WHITE_SPACE) continue;
      if (value === PADDING) {
        padding.value += 1;
        continue;
      }
      if (value === OTHER || padding.value > 0) return -1;
      pending.value = ((pending.value << 6) | value) & 0xffff;
      bits.value += 6;
      if (bits.value < 8) continue;
      bits.value -= 8;
      this.#octets[end++] = pending.value >> bits.value;
    }
    return end;
  };
}
