import fs, { type NoParamCallback, type PathLike } from 'node:fs';
import type { TestContext } from 'node:test';

const { O_SYNC } = fs.constants;

type Opened = (error: Error | null, descriptor: number) => void;
type Write = [descriptor: number, data: Uint8Array, offset: number, length: number, position: null, done: () => void];

/**
 * Writes down the path of everything that is synced, in the order in which the syncs begin; `note` may say it otherwise. A write to what was
 * opened with O_SYNC is one.
 */
export function logSyncs(t: TestContext, note: (file: string) => string): string[] {
  const order: string[] = [];
  const opened = new Map<number, { readonly file: string; readonly synced: boolean }>();
  const remember = (descriptor: number, file: PathLike, flags: number): void => {
    opened.set(descriptor, { file: String(file), synced: (flags & O_SYNC) === O_SYNC });
  };
  const open = fs.open.bind(fs);
  const openNow = fs.openSync.bind(fs);
  const sync = fs.fsync.bind(fs);
  const write = fs.write.bind(fs);
  t.mock.method(fs, 'open', (file: PathLike, flags: number, mode: number | Opened | undefined, last?: Opened) => {
    const [given, done] = typeof mode === 'function' ? [undefined, mode] : [mode, last];
    open(file, flags, given, (error, descriptor) => {
      remember(descriptor, file, flags);
      done?.(error, descriptor);
    });
  });
  t.mock.method(fs, 'openSync', (file: PathLike, flags: number, mode: number | undefined) => {
    const descriptor = openNow(file, flags, mode);
    remember(descriptor, file, flags);
    return descriptor;
  });
  t.mock.method(fs, 'fsync', (descriptor: number, done: NoParamCallback) => {
    order.push(note(opened.get(descriptor)?.file ?? '?'));
    sync(descriptor, done);
  });
  t.mock.method(fs, 'write', (...args: Write) => {
    const to = opened.get(args[0]);
    if (to?.synced === true) order.push(note(to.file));
    write(...args);
  });
  return order;
}

/** Makes calls of node:fs fail. */
export function failing(code: string, path?: string): () => Promise<never> {
  return async () => await Promise.reject(Object.assign(new Error(code), { code, path }));
}
