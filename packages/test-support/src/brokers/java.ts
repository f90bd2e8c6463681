import { execFileSync } from 'node:child_process';
import type { DemoPki } from '../pki/demo.js';
import { copyCertificates } from './files.js';
import { type Placement, recipes } from './handbook.js';

/** Enough for the tests, and little enough for several at once. */
export const JAVA_HEAP = ['-Xms64m', '-Xmx768m'];

export const javaProperty = (name: string, value: string): string => `-D${name}=${value}`;

/** Key store and trust store, by the commands of docs/brokers.md. */
export function makeKeyStores(pki: DemoPki, placement: Placement): void {
  copyCertificates(pki, placement.configuration);
  const commands = recipes('java', placement)['key-stores.sh'] ?? '';
  execFileSync('sh', ['-eu', '-c', commands], { stdio: ['ignore', 'ignore', 'pipe'] });
}
