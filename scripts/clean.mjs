// Removes everything that is compiled.
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
for (const top of ['packages', 'services'])
  for (const name of readdirSync(path.join(root, top))) rmSync(path.join(root, top, name, 'dist'), { recursive: true, force: true });
rmSync(path.join(root, 'test', 'dist'), { recursive: true, force: true });
