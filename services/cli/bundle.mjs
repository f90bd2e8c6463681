// Puts the three commands, and the thread of the receiver, with all that they import into dist/bundle, so that the tarball of npm pack needs nothing else, and the
// licences of what is not ours beside them. Neither minified nor mapped: stacks name functions and files, and the whole stays small.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const out = path.join(here, 'dist/bundle');
const commands = ['ssm', 'ssmreceive', 'ssmsend'];

for (const step of [[path.join(root, 'node_modules/typescript/bin/tsc'), '-b', here], [path.join(root, 'scripts/text.mjs')]])
  if (spawnSync(process.execPath, step, { stdio: ['ignore', 2, 2] }).status !== 0) process.exit(1);

rmSync(out, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    ...Object.fromEntries(commands.map((command) => [command, path.join(here, 'dist/src', `${command}.js`)])),
    // Where the code that starts it looks for it: beside itself.
    'open-thread': path.join(root, 'services/receiver/dist/src/opening/open-thread.js'),
  },
  outdir: out,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  chunkNames: 'shared-[hash]',
  // Libraries of the older module format ask for Node's own modules by require().
  banner: { js: "import { createRequire as ssmCreateRequire } from 'node:module';\nconst require = ssmCreateRequire(import.meta.url);" },
  metafile: true,
  logLevel: 'warning',
});
for (const command of commands) chmodSync(path.join(out, `${command}.js`), 0o755);

/** The folder of a library below the root, from a path in it: node_modules/NAME, also of a nested one. */
const libraryOf = (input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
const libraries = [...new Set(Object.keys(metafile.inputs).map(libraryOf))].filter((folder) => folder !== undefined).toSorted();

function licenceOf(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
  const files = readdirSync(path.join(root, folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const texts = files.map((file) => readFileSync(path.join(root, folder, file), 'utf8').trim());
  const by = typeof author === 'string' ? author : (author?.name ?? 'its authors');
  // Some packages carry no text of their licence, only its name.
  return `${name} ${version}\n${'='.repeat(72)}\n${texts.length > 0 ? texts.join('\n\n') : `Licence ${license}, by ${by}`}\n`;
}

writeFileSync(path.join(out, 'THIRD-PARTY-LICENSES.txt'), libraries.map(licenceOf).join('\n\n'));
copyFileSync(path.join(root, 'LICENSE'), path.join(out, 'LICENSE'));
if (!existsSync(path.join(out, 'ssm.js'))) process.exit(1);
