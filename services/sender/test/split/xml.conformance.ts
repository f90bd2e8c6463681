import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { PYTHON, requireTools } from '@ssm/test-support';
import { split } from '../../src/split/split.js';

// The parts of a list of usage records, as a real XML parser reads them.

const SCRIPT = `
import sys, json, xml.etree.ElementTree as tree
for line in sys.stdin:
    root = tree.fromstring(json.loads(line).encode())
    print(json.dumps([root.tag, [tree.canonicalize(tree.tostring(child)) for child in root]]))
`;

/** Of each text: the root's name with its namespace, and its children in canonical form. */
function parsed(texts: readonly string[]): [string, string[]][] {
  const input = texts.map((text) => `${JSON.stringify(text)}\n`).join('');
  const { status, stdout, stderr } = spawnSync(PYTHON, ['-c', SCRIPT], { input, encoding: 'utf8', maxBuffer: 2 ** 28 });
  assert.equal(status, 0, stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as [string, string[]]);
}

const record = (index: number): string =>
  `<sr:StorageUsageRecord>
    <sr:RecordIdentity sr:recordId="id/${index}" sr:createTime='2026-11-22T03:00:00Z'/>
    <!-- ${index}: </sr:StorageUsageRecord> -->
    <sr:Site><![CDATA[<sr:StorageUsageRecord>${index}]]></sr:Site>
    <x:Extra a="1 > 0">Zürich &amp; ${'x'.repeat(index % 300)}</x:Extra>
  </sr:StorageUsageRecord>`;

describe('a list of records in XML', { skip: requireTools('python3-dirq') }, () => {
  it('is in its parts what it was as a whole, for a real parser', async () => {
    const whole = `<?xml version="1.0" encoding="UTF-8"?>
<sr:StorageUsageRecords xmlns:sr="http://eu-emi.eu/namespaces/2011/02/storagerecord" xmlns:x="urn:x">
  ${Array.from({ length: 2000 }, (_, index) => record(index)).join('\n  <!-- next -->\n  ')}
</sr:StorageUsageRecords>
`;
    const parts = await split(Buffer.from(whole), { body: 50_000, message: 200_000 }, { recipients: 0, transferEncoding: 'auto' });
    assert.ok(parts && parts.count > 5);
    const texts = Array.from({ length: parts.count }, (_, index) => Buffer.from(parts.body(index)).toString());
    const [[root, records] = ['', []], ...rest] = parsed([whole, ...texts]);
    assert.equal(records.length, 2000);
    assert.deepEqual(new Set(rest.map(([name]) => name)), new Set([root]));
    assert.deepEqual(
      rest.flatMap(([, some]) => some),
      records,
    );
  });
});
