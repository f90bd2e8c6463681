// Compiles packages/empa/src/mime/text.wat to a module beside the one that imports it, unless that was done. A running service may read it meanwhile.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const empa = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), 'packages', 'empa');
const source = path.join(empa, 'src', 'mime', 'text.wat');
const target = path.join(empa, 'dist', 'src', 'mime', 'text-code.js');

const text = readFileSync(source, 'utf8');
const head = `// Made of text.wat, SHA-256 ${createHash('sha256').update(text).digest('hex')}.\n`;
if (existsSync(target) && readFileSync(target, 'utf8').startsWith(head)) process.exit();

const { default: wabt } = await import('wabt');
const compiler = await wabt();
let code = '';
try {
  const module = compiler.parseWat(path.relative(process.cwd(), source), text, { simd: true });
  module.validate();
  code = Buffer.from(module.toBinary({}).buffer).toString('base64');
} catch (error) {
  // What the compiler says, and nothing of its own source.
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
mkdirSync(path.dirname(target), { recursive: true });
const unfinished = `${target}.${process.pid}`;
writeFileSync(unfinished, `${head}export const code = Buffer.from('${code}', 'base64');\n`);
renameSync(unfinished, target);
