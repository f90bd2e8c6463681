/** A pass over an outgoing queue that only looks: nothing is made, freed or claimed. For those who are not its sender. */
import path from 'node:path';
import { CLAIMS } from './claims-directory.js';
import { namesIn } from './normal-layout.js';
import type { OutgoingOptions } from './options.js';
import { PlainScan } from './plain-scan.js';
import { SimpleScan } from './simple-scan.js';
import type { Scan } from './spool.js';

/** Files of a plain directory count from the moment when they are there. */
export function scanOutgoing(options: Pick<OutgoingOptions, 'path' | 'layout'>, signal?: AbortSignal): Scan {
  const { path: root, layout } = options;
  const common = { root, signal, prepare: async () => undefined };
  if (layout === 'dirq') return new SimpleScan({ ...common, now: new Date() });
  return new PlainScan({
    ...common,
    stabilityMs: 0,
    claims: { time: Date.now(), names: () => namesIn(path.join(root, CLAIMS), 'latin1') },
  });
}
