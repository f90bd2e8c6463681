/** Names of elements of a dirq queue, eight bytes each: a million of them are 8 MB, and sorted in a tenth of a second. */

/** Digits of such a name, all of them hexadecimal: 56 bits. */
const DIGITS = 14;
const FIRST_CAPACITY = 256;

export class CompactNames {
  #values = new BigUint64Array(FIRST_CAPACITY);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** `name`: as isElementName() takes it. */
  add(name: string): void {
    if (this.#length === this.#values.length) {
      const larger = new BigUint64Array(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = BigInt(`0x${name}`);
    this.#length += 1;
  }

  /** In the order of their text. */
  *sorted(): Generator<string, void> {
    // In place of what was added: as long as the names are gone through, memory holds them once.
    this.#values = this.#values.subarray(0, this.#length).toSorted();
    for (const value of this.#values) yield value.toString(16).padStart(DIGITS, '0');
  }
}
