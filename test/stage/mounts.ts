import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { eventually, type Scope, temporaryDirectory } from '@ssm/test-support';

function command(name: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(name, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

/** A small file system of its own, for root only. It is unmounted when the test ends. */
export class Volume {
  readonly path: string;
  readonly #filler: string;

  private constructor(at: string) {
    this.path = at;
    this.#filler = path.join(at, '.filler');
  }

  /** In memory. `inodes`: so many files at most. */
  static tmpfs(scope: Scope, size: { readonly mebibytes: number; readonly inodes?: number }): Volume {
    const options = [`size=${size.mebibytes}m`, 'mode=0755', ...(size.inodes === undefined ? [] : [`nr_inodes=${size.inodes}`])];
    return Volume.#mounted(scope, (at) => command('mount', '-t', 'tmpfs', '-o', options.join(','), 'ssm-test', at));
  }

  /** ext4 in a file, by a loop device. */
  static ext4(scope: Scope, size: { readonly mebibytes: number }): Volume {
    const image = path.join(temporaryDirectory(scope), 'image');
    writeFileSync(image, '');
    command('truncate', '-s', `${size.mebibytes}M`, image);
    command('mkfs.ext4', '-q', '-F', '-m', '0', image);
    return Volume.#mounted(scope, (at) => command('mount', '-o', 'loop', image, at));
  }

  static #mounted(scope: Scope, mount: (at: string) => void): Volume {
    let at: string | undefined;
    // What is registered first is done first: unmounted, then removed.
    scope.after(() => {
      if (at !== undefined) spawnSync('umount', ['-l', at]);
    });
    at = temporaryDirectory(scope);
    mount(at);
    return new Volume(at);
  }

  /** Takes all the space that there is. */
  fill(): void {
    const descriptor = openSync(this.#filler, 'a');
    try {
      for (let size = 1024 * 1024; size >= 1; )
        try {
          writeSync(descriptor, Buffer.alloc(size));
        } catch {
          size = Math.floor(size / 2);
        }
    } finally {
      closeSync(descriptor);
    }
  }

  /** Takes all the inodes that there are. */
  fillInodes(): void {
    mkdirSync(this.#filler);
    for (let index = 0; ; index += 1)
      try {
        writeFileSync(path.join(this.#filler, String(index)), '');
      } catch {
        return;
      }
  }

  /** Gives back what {@link fill} or {@link fillInodes} took. */
  free(): void {
    rmSync(this.#filler, { recursive: true, force: true });
  }

  /** Busy while somebody has a file open for writing: tried again. */
  async readOnly(is: boolean): Promise<void> {
    const remount = (): void => command('mount', '-o', `remount,${is ? 'ro' : 'rw'}`, this.path);
    await eventually(remount, { timeout: 15_000, interval: 5, what: `a remount of ${this.path}` });
  }
}
