import { readFileSync } from 'node:fs';

/** Of the package: the bundle lies as deep below it as the compiled sources do. */
export function readVersion(): string {
  const { version }: { readonly version: string } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return version;
}
