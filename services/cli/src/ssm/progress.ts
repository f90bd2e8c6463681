import type { Terminal } from './terminal.js';

const EVERY_MS = 100;
const BAR = 24;

/** A bar on a terminal, nothing elsewhere. */
export interface Progress {
  /** One more of `total` is done. */
  step(): void;
  /** Takes the bar away. */
  end(): void;
}

export function startProgress({ stderr }: Terminal, what: string, total: number): Progress {
  if (stderr.isTTY !== true || total < 2) return { step: () => undefined, end: () => undefined };
  let done = 0;
  let shownAt = Number.NEGATIVE_INFINITY;
  const show = (): void => {
    const full = Math.round((done / total) * BAR);
    stderr.write(`\r${what} [${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${done}/${total}`);
  };
  return {
    step: () => {
      done += 1;
      if (performance.now() - shownAt < EVERY_MS) return;
      shownAt = performance.now();
      show();
    },
    end: () => void stderr.write('\r\u001b[K'),
  };
}
