import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { FAULTS } from '../faults/list.js';
import { difference } from '../support/headings.js';
import { root } from '../support/services.js';

it('docs/guarantees.md has a row for every fault that is tested, and for no other', () => {
  const page = readFileSync(path.join(root, 'docs/guarantees.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name!);
  assert.equal(new Set(rows).size, rows.length, 'a fault has two rows');
  assert.deepEqual(
    difference(
      FAULTS.map(({ name }) => name),
      rows,
    ),
    { undocumented: [], unknown: [] },
  );
});
