import { readFileSync } from 'node:fs';
import { endAtOnce } from './end-process.js';
import type { ServiceHost } from './service.js';

/** This process, as a service sees it. */
export function thisHost(): ServiceHost {
  const { argv, env, stderr, stdout } = process;
  return { args: argv.slice(2), env, stdout, stderr, events: process, exit: endAtOnce };
}

/** That of all packages; a bundle lies as deep below its package as the compiled sources do below this one. */
export function readVersion(): string {
  const { version }: { readonly version: string } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return version;
}
