/** Writers of an outgoing volume, as the field has them; on purpose not the code under test. */
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

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
