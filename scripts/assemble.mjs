// node scripts/assemble.mjs FOLDER: what runs in production and nothing else, into FOLDER/node_modules (third-party) and FOLDER/app (ours).
// Wants a compiled tree, and node_modules as `npm ci --omit=dev -w services/...` leaves it.
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [target] = process.argv.slice(2);
if (target === undefined) {
  process.stderr.write('Usage: node scripts/assemble.mjs FOLDER\n');
  process.exit(2);
}

const manifest = (folder) => JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
const projects = new Map(
  ['packages', 'services'].flatMap((top) => readdirSync(path.join(root, top)).map((name) => [`@ssm/${name}`, `${top}/${name}`])),
);

/** The services and what they stand on; what only tests need is never reached. */
const shipped = new Set([...projects.keys()].filter((name) => projects.get(name).startsWith('services/')));
for (const name of shipped)
  for (const dependency of Object.keys(manifest(projects.get(name)).dependencies ?? {}))
    if (projects.has(dependency)) shipped.add(dependency);

const modules = path.join(target, 'node_modules');
const app = path.join(target, 'app');

// Folders of a third-party package that nothing loads; some hold keys and certificates of its tests, which alarm scanners.
const UNUSED_FOLDERS = new Set(['test', 'tests', 'docs', 'benchmark', 'benchmarks', 'example', 'examples', '.github']);
const UNUSED_FILE = /\.(?:map|ts|mts|cts|md)$/;
const LICENCE = /^(?:licen[cs]e|notice|copying)/i;

/** Whether a path below node_modules is shipped: `NAME/test` is not, `NAME/lib/test` is. */
function isUsed(relative) {
  const parts = relative.split(path.sep);
  if (parts[0] === '.bin' || parts[0] === '@ssm' || parts[0] === '.package-lock.json') return false;
  const within = parts.slice(parts.lastIndexOf('node_modules') + 1);
  const [folder] = within.slice(within[0]?.startsWith('@') ? 2 : 1);
  const file = parts.at(-1);
  return !UNUSED_FOLDERS.has(folder) && (!UNUSED_FILE.test(file) || LICENCE.test(file));
}
const installed = path.join(root, 'node_modules');
cpSync(installed, modules, { recursive: true, verbatimSymlinks: true, filter: (source) => isUsed(path.relative(installed, source)) });

/** Of compiled sources: folders and JavaScript. Source maps are left out, since the sources are not there: types aside, what tsc writes is the source. */
const isCode = (source) => path.extname(source) === '' || source.endsWith('.js');

mkdirSync(path.join(modules, '@ssm'), { recursive: true });
for (const name of shipped) {
  const folder = projects.get(name);
  const compiled = path.join(root, folder, 'dist/src');
  if (!existsSync(compiled)) throw new Error(`${folder} is not compiled`);
  mkdirSync(path.join(app, folder), { recursive: true });
  cpSync(path.join(root, folder, 'package.json'), path.join(app, folder, 'package.json'));
  cpSync(compiled, path.join(app, folder, 'dist/src'), { recursive: true, filter: isCode });
  symlinkSync(`../../${folder}`, path.join(modules, name));
  // The commands of a service; they are run by a link.
  for (const file of readdirSync(compiled).filter((each) => each.startsWith('ssm') && each.endsWith('.js')))
    chmodSync(path.join(app, folder, 'dist/src', file), 0o755);
}
for (const file of ['LICENSE', 'scripts/start.cjs']) cpSync(path.join(root, file), path.join(app, file));
