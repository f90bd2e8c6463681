import fs, { type NoParamCallback, type PathLike } from 'node:fs';
import type { TestContext } from 'node:test';

type Opened = (error: Error | null, descriptor: number) => void;

/** Writes down the path of everything that is synced, in the order in which the syncs begin; `note` may say it otherwise. */
export function logSyncs(t: TestContext, note: (file: string) => string): string[] {
  const order: string[] = [];
  const opened = new Map<number, string>();
  const open = fs.open.bind(fs);
  const sync = fs.fsync.bind(fs);
  t.mock.method(fs, 'open', (file: PathLike, flags: number, mode: number | Opened | undefined, last?: Opened) => {
    const [given, done] = typeof mode === 'function' ? [undefined, mode] : [mode, last];
    open(file, flags, given, (error, descriptor) => {
      opened.set(descriptor, String(file));
      done?.(error, descriptor);
    });
  });
  const openNow = fs.openSync.bind(fs);
  t.mock.method(fs, 'openSync', (file: PathLike, flags: number) => {
    const descriptor = openNow(file, flags);
    opened.set(descriptor, String(file));
    return descriptor;
  });
  t.mock.method(fs, 'fsync', (descriptor: number, done: NoParamCallback) => {
    order.push(note(opened.get(descriptor) ?? '?'));
    sync(descriptor, done);
  });
  return order;
}

/** Makes calls of node:fs fail. */
export function failing(code: string, path?: string): () => Promise<never> {
  return async () => await Promise.reject(Object.assign(new Error(code), { code, path }));
}
