/** Opens the message in a file; prints by how many bytes the process has grown since before it was read, and what came of it. */
import { existsSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { EmpaError } from '../src/errors.js';
import { openMessage } from '../src/open.js';
import { loadIdentity, loadTrustStore } from '../src/trust-store.js';

const [trustDirectory = '', certificate = '', key = '', file = ''] = process.argv.slice(2);
const now = new Date();
const trust = await loadTrustStore(trustDirectory, { now, stabilityMs: 0 });
const identities = [await loadIdentity({ certificate, key }, { now })];

async function resultOf(read: () => Uint8Array): Promise<string> {
  try {
    await openMessage(read(), { identities, trust, now });
    return 'opened';
  } catch (error) {
    if (!(error instanceof EmpaError)) throw error;
    return error.code;
  }
}

/** Highest so far, in bytes. (On Linux maxRSS begins with what the parent had.) */
function peak(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'latin1') : '';
  return Number(/^VmHWM:\s*(\d+) kB$/mu.exec(status)?.[1] ?? process.resourceUsage().maxRSS) * 1024;
}

await resultOf(() => Buffer.from('Content-Type: application/pkcs7-mime\n\n'));
const before = peak();
const result = await resultOf(() => readFileSync(file));
console.log(JSON.stringify({ grown: peak() - before, result }));
