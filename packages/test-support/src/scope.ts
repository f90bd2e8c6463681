/** Where clean-up is registered: a test's context, or `{ after }` with node:test's own for a whole suite or file. */
export interface Scope {
  after(cleanUp: () => void | Promise<void>): void;
}
