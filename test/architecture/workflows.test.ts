import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

// What actionlint does not look at: pins, rights, and whether the scripts that a workflow calls are there.

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const folder = path.join(root, '.github/workflows');
const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

for (const name of readdirSync(folder)) {
  const text = readFileSync(path.join(folder, name), 'utf8');

  describe(name, () => {
    it('pins every action of others to a commit, and says which version that is', () => {
      const actions = text.split('\n').filter((line) => /^\s*(?:- )?uses: (?!\.\/)/.test(line));
      const loose = actions.filter((line) => !/uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line));
      assert.ok(actions.length > 0);
      assert.deepEqual(loose, []);
    });

    it('may only read, unless one job says otherwise', () => {
      assert.match(text, /^permissions:\n {2}contents: read\n\n/m);
      assert.doesNotMatch(text, /write-all/);
    });

    it('calls scripts that are there', () => {
      const called = [...text.matchAll(/npm (?:run ([\w:-]+)|(test|start))/g)].map((match) => match[1] ?? match[2]!);
      assert.deepEqual(
        called.filter((script) => scripts[script] === undefined),
        [],
      );
    });
  });
}
