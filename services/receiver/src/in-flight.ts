/** Messages that are being worked on. */
export class InFlight {
  #messages = 0;
  #bytes = 0;

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async during<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    this.#messages += 1;
    this.#bytes += bytes;
    try {
      return await work();
    } finally {
      this.#messages -= 1;
      this.#bytes -= bytes;
    }
  }
}
