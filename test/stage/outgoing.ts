import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export type Layout = 'dirq' | 'directory';

let sequence = 0;

/** Adds a file as a foreign writer of a dirq does: under another name, then renamed. Returns the name, which is also its empa-id. */
export function addElement(outgoing: string, body: Uint8Array): string {
  sequence += 1;
  const now = Date.now();
  const directory = (Math.floor(now / 60_000) * 60).toString(16).padStart(8, '0');
  const seconds = Math.floor(now / 1000)
    .toString(16)
    .padStart(8, '0');
  const name = `${directory}/${seconds}${sequence.toString(16).padStart(5, '0')}0`;
  mkdirSync(path.join(outgoing, directory), { recursive: true });
  return renamedInto(outgoing, name, body);
}

/** Adds a plain file as a careful writer does. Returns its name, which is also its empa-id. */
export function addPlainFile(outgoing: string, body: Uint8Array): string {
  sequence += 1;
  return renamedInto(outgoing, `record-${sequence.toString().padStart(6, '0')}`, body);
}

function renamedInto(outgoing: string, name: string, body: Uint8Array): string {
  const target = path.join(outgoing, name);
  writeFileSync(`${target}.tmp`, body);
  renameSync(`${target}.tmp`, target);
  return name;
}

/** Elements and locks left in a dirq outgoing queue. */
export function leftInDirq(outgoing: string): string[] {
  return namesIn(outgoing)
    .filter((name) => /^[0-9a-f]{8}$/.test(name))
    .flatMap((name) => namesIn(path.join(outgoing, name)).map((element) => `${name}/${element}`));
}

/**
 * Everything that a sender has not sent yet, or holds, of either layout; what is in quarantine is not looked at. A `gone~` file was sent: a sender
 * that dies while it removes it leaves it there for a later purge.
 */
export function leftOutgoing(outgoing: string): string[] {
  const claims = namesIn(path.join(outgoing, '.claimed'))
    .filter((name) => !name.startsWith('gone~'))
    .map((name) => `.claimed/${name}`);
  const plain = namesIn(outgoing).filter((name) => !name.startsWith('.') && !/^[0-9a-f]{8}$/.test(name));
  return [...leftInDirq(outgoing), ...plain, ...claims];
}

/** Elements of the quarantine. */
export function quarantined(outgoing: string): string[] {
  return leftInDirq(path.join(outgoing, '.quarantine'));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    throw error;
  }
}
