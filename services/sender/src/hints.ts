/** File events of the outgoing volume: a hint to look now, never trusted. Mounted volumes often give none. */
import { type FSWatcher, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

/** Writers of a directory queue use a new directory every minute: the newest are enough. */
const WATCHED_DIRECTORIES = 4;
const ELEMENT_DIRECTORY = /^[0-9a-f]{8}$/;
/** What locks, claims and unfinished files are called. */
const NOISE = /^\.|\.(?:lck|tmp|part)$|~$/;

export interface Hints {
  /** Watches anew: nothing tells that a volume was mounted again, or that a directory is another one of the same name. */
  renew(): Promise<void>;
  close(): void;
}

/** `hint` is called soon after something happened, more often than needed, or not at all. */
export function watchVolume(root: string, layout: 'dirq' | 'directory', hint: () => void): Hints {
  const directories = new Map<string, FSWatcher>();
  let top: FSWatcher | undefined;
  let closed = false;

  const follow = (name: string): void => {
    if (closed || directories.has(name)) return;
    const forget = (): void => {
      directories.get(name)?.close();
      directories.delete(name);
    };
    const watcher = open(path.join(root, name), hint, forget);
    if (watcher === undefined) return;
    directories.set(name, watcher);
    const oldest = [...directories.keys()].toSorted()[0];
    if (directories.size <= WATCHED_DIRECTORIES || oldest === undefined) return;
    directories.get(oldest)?.close();
    directories.delete(oldest);
  };

  const forgetAll = (): void => {
    top?.close();
    for (const watcher of directories.values()) watcher.close();
    directories.clear();
  };

  const renew = async (): Promise<void> => {
    // First what a thread waits for: a volume that hangs must not be watched, which this one would wait for.
    const names = layout === 'dirq' ? await readdir(root).catch(() => []) : [];
    if (closed) return;
    forgetAll();
    top = open(
      root,
      (file) => {
        if (layout === 'dirq' && ELEMENT_DIRECTORY.test(file)) follow(file);
        hint();
      },
      () => top?.close(),
    );
    const sorted = names.filter((one) => ELEMENT_DIRECTORY.test(one)).toSorted();
    for (const name of sorted.slice(-WATCHED_DIRECTORIES)) follow(name);
  };

  return {
    renew,
    close: () => {
      closed = true;
      forgetAll();
    },
  };
}

/** undefined: no events here, or no watches left; the periodic scan does it alone. */
function open(directory: string, seen: (file: string) => void, lost: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, { persistent: false }, (_event, file) => {
      if (file !== null && !NOISE.test(file)) seen(file);
    });
    return watcher.on('error', lost);
  } catch {
    return undefined;
  }
}
