/** A promise, and its ends. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  declare readonly resolve: (value: T) => void;
  declare readonly reject: (error: Error) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      Object.assign(this, { resolve, reject });
    });
  }
}
