import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { difference } from '../support/headings.js';
import { root } from '../support/services.js';

const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

/** Variables that docker-compose.yml reads; those of a container's shell have two dollar signs. */
function inStack(): Map<string, string> {
  return new Map([...read('docker-compose.yml').matchAll(/(?<!\$)\$\{(\w+)(?::?-([^$}]*))?/g)].map((match) => [match[1]!, match[2] ?? '']));
}

const ticked = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);

/** Rows of the table of variables: several in one row have their defaults in the same order, or one for all. */
function inDocs(): Map<string, string> {
  const section = read('docs/containers.md').split('## Variables')[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(
    rows.flatMap((row) => {
      const [, variables = '', defaults = ''] = row.split('|');
      const values = ticked(defaults);
      return ticked(variables).map((name, index): [string, string] => [name, values[index] ?? values[0] ?? '']);
    }),
  );
}

describe('docs/containers.md', () => {
  it('has a row for every variable of docker-compose.yml, and for nothing else', () => {
    assert.deepEqual(difference(inStack().keys(), inDocs().keys()), { undocumented: [], unknown: [] });
  });

  it('says the defaults', () => {
    const documented = inDocs();
    for (const [name, value] of inStack()) if (name !== 'SSM_TRUST') assert.equal(documented.get(name), value, name);
  });
});
