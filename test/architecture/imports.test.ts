import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

// The import table of docs/architecture.md against the sources, both ways.

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

interface Row {
  readonly project: string;
  /** Specifiers that every file may import. */
  readonly anywhere: readonly string[];
  /** Specifier -> the one file (below src) that may import it. */
  readonly doors: ReadonlyMap<string, string>;
}

const ticked = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);

/** `a`; in `file.ts` also `b`, `c` */
function parsePermissions(cell: string): { anywhere: string[]; limited: [string, string][] } {
  const anywhere: string[] = [];
  const limited: [string, string][] = [];
  for (const part of cell.split(';')) {
    const only = /^\s*in `([^`]+)` also (.*)$/.exec(part);
    if (only === null) anywhere.push(...ticked(part));
    else for (const specifier of ticked(only[2]!)) limited.push([specifier, only[1]!]);
  }
  return { anywhere, limited };
}

function readTable(): Row[] {
  const text = readFileSync(path.join(root, 'docs/architecture.md'), 'utf8');
  const section = text.split('## Who may import what')[1]!.split('\n## ')[0]!;
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [project, permissions, doors] = line
        .split('|')
        .slice(1, 4)
        .map((cell) => cell.trim());
      const { anywhere, limited } = parsePermissions(permissions!);
      const doorPairs = doors!
        .split(';')
        .map(ticked)
        .filter((pair) => pair.length === 2)
        .map(([library, file]) => [library!, file!] as [string, string]);
      return { project: ticked(project!)[0]!, anywhere, doors: new Map([...limited, ...doorPairs]) };
    });
}

interface Import {
  readonly file: string;
  readonly specifier: string;
}

/** Static and dynamic imports, re-exports and require calls of one source. */
function importsOf(source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  const patterns = [
    /(?:^|;)\s*(?:import|export)\s[^'"`;()]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /(?:^|;)\s*import\s*['"]([^'"]+)['"]/gm,
    /(?<!\.)\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]!));
}

function importsBelow(project: string): Import[] {
  const src = path.join(root, project, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      importsOf(readFileSync(path.join(src, file), 'utf8')).map((specifier) => ({ file: file.split(path.sep).join('/'), specifier })),
    );
}

const matches = (pattern: string, specifier: string): boolean =>
  pattern.endsWith('*') ? specifier.startsWith(pattern.slice(0, -1)) : pattern === specifier;

/** What is wrong with one import, or undefined. */
function fault(row: Row, { file, specifier }: Import): string | undefined {
  if (specifier.startsWith('.')) {
    const target = path.posix.join(path.posix.dirname(file), specifier);
    return target.startsWith('..') ? `${row.project}/src/${file} reaches out of its project: ${specifier}` : undefined;
  }
  const door = row.doors.get(specifier);
  if (door !== undefined && door === file) return undefined;
  if (row.anywhere.some((pattern) => matches(pattern, specifier))) return undefined;
  return `${row.project}/src/${file} imports ${specifier}${door === undefined ? '' : `, which only ${door} may`}`;
}

describe('the import table of docs/architecture.md', () => {
  const rows = readTable();

  it('has a row for every project that ships', () => {
    const shipped = ['packages', 'services'].flatMap((top) => readdirSync(path.join(root, top)).map((name) => `${top}/${name}`));
    const expected = shipped.filter((project) => project !== 'packages/test-support');
    assert.deepEqual(rows.map((row) => row.project).toSorted(), expected.toSorted());
  });

  for (const row of rows) {
    it(`${row.project} imports only what it may`, () => {
      assert.deepEqual(
        importsBelow(row.project).flatMap((each) => fault(row, each) ?? []),
        [],
      );
    });

    it(`${row.project} uses every door that the table gives it`, () => {
      const used = new Set(importsBelow(row.project).map(({ file, specifier }) => `${specifier} in ${file}`));
      const unused = [...row.doors].filter(([specifier, file]) => !specifier.startsWith('node:') && !used.has(`${specifier} in ${file}`));
      assert.deepEqual(unused, []);
    });
  }

  it('is enforced by a reader that sees every form of import', () => {
    const source = `import a from 'a';\nimport type { B } from "b";\nimport {\n  c,\n} from 'c';\nexport { d } from 'd';\nimport 'e';\nconst f = await import('f');\nrequire('g');\n// import h from 'h';\n`;
    assert.deepEqual(importsOf(source).toSorted(), ['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  });

  it('refuses what is not in the table', () => {
    const row: Row = { project: 'p', anywhere: ['node:crypto'], doors: new Map([['lib', 'door.ts']]) };
    assert.equal(fault(row, { file: 'door.ts', specifier: 'lib' }), undefined);
    assert.match(fault(row, { file: 'other.ts', specifier: 'lib' }) ?? '', /only door.ts may/);
    assert.match(fault(row, { file: 'a.ts', specifier: 'node:fs' }) ?? '', /imports node:fs/);
    assert.match(fault(row, { file: 'a.ts', specifier: '../../spool/src/x.js' }) ?? '', /reaches out/);
  });
});
