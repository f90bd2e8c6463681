/** Writers of an outgoing volume, as the field has them; on purpose not the code under test. */
import { existsSync, linkSync, mkdirSync, readdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

let sequence = 0;

/** Adds an element to a Simple directory queue, a minute's worth of directory at a time; comes back with its name. */
export function addElement(root: string, body: Uint8Array | string, at: Date = new Date()): string {
  sequence += 1;
  const seconds = Math.floor(at.getTime() / 1000);
  const directory = hex(seconds - (seconds % 60), 8);
  const file = `${hex(seconds, 8)}${hex(sequence % 0x100000, 5)}7`;
  mkdirSync(path.join(root, directory), { recursive: true });
  const target = path.join(root, directory, file);
  writeFileSync(`${target}.tmp`, body, { flag: 'wx' });
  linkSync(`${target}.tmp`, target);
  unlinkSync(`${target}.tmp`);
  return `${directory}/${file}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** Puts a plain file into a directory the right way: written elsewhere, then renamed in. */
export function putFile(root: string, name: string, body: Uint8Array | string): void {
  const temporary = path.join(path.dirname(root), `writing-${name}`);
  writeFileSync(temporary, body);
  renameSync(temporary, path.join(root, name));
}

/** Everything below a directory, files and links only, dot-directories left out. */
export function filesBelow(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.')) return [];
    return entry.isDirectory() ? filesBelow(path.join(root, entry.name)).map((name) => `${entry.name}/${name}`) : [entry.name];
  });
}
