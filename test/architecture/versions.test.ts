import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const manifest = (folder: string): Manifest => JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')) as Manifest;

const projects = [...['packages', 'services'].flatMap((top) => readdirSync(path.join(root, top)).map((name) => `${top}/${name}`)), 'test'];

it('one version number for the root and every project, and for every dependency among them', () => {
  const { version } = manifest('.');
  for (const project of projects) {
    const { name, version: own, dependencies, devDependencies } = manifest(project);
    assert.equal(own, version, name);
    for (const [dependency, range] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (dependency.startsWith('@ssm/')) assert.equal(range, version, `${name} -> ${dependency}`);
      else assert.match(range, /^\d+\.\d+\.\d+$/, `${name} pins ${dependency} exactly`);
    }
  }
});

it('CHANGELOG.md has a heading for the version', () => {
  assert.ok(existsSync(path.join(root, 'CHANGELOG.md')));
  assert.match(
    readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8'),
    new RegExp(`^## ${manifest('.').version.replaceAll('.', '\\.')}`, 'm'),
  );
});

it("the chart's version and that of what it installs are the root's", () => {
  const chart = readFileSync(path.join(root, 'charts/ssm/Chart.yaml'), 'utf8');
  for (const key of ['version', 'appVersion'])
    assert.equal(new RegExp(`^${key}: "?([^"\\n]*)"?$`, 'm').exec(chart)?.[1], manifest('.').version, key);
});

it('every project is compiled by the root tsconfig.json', () => {
  const { references } = JSON.parse(readFileSync(path.join(root, 'tsconfig.json'), 'utf8')) as { references: { path: string }[] };
  assert.deepEqual(references.map((reference) => reference.path).toSorted(), projects.toSorted());
});

/** What the first group of a pattern finds in a file. */
const numbers = (file: string, pattern: RegExp): Set<string | undefined> =>
  new Set([...readFileSync(path.join(root, file), 'utf8').matchAll(pattern)].map((match) => match[1]));

it('the image and the stack of containers carry the version', () => {
  const { version } = manifest('.');
  assert.deepEqual(numbers('Dockerfile', /^ARG VERSION=(.*)$/gm), new Set([version]));
  assert.deepEqual(numbers('docker-compose.yml', /:-ssm(?:-tools)?:([^}]+)\}/g), new Set([version]));
});
