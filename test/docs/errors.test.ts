import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { EMPA_ERROR_CODES } from '@ssm/empa';
import { RECEIVER_ERROR_CODES } from '@ssm/receiver';
import { SENDER_ERROR_CODES } from '@ssm/sender';
import { SERVICE_ERROR_CODES } from '@ssm/service-kit';
import { SPOOL_ERROR_CODES } from '@ssm/spool';
import { TRANSPORT_ERROR_CODES } from '@ssm/transport';
import { difference, namedSections } from '../support/headings.js';
import { root } from '../support/services.js';

const CODES: Readonly<Record<string, readonly string[]>> = {
  'packages/empa': EMPA_ERROR_CODES,
  'packages/spool': SPOOL_ERROR_CODES,
  'packages/transport': TRANSPORT_ERROR_CODES,
  'packages/service-kit': SERVICE_ERROR_CODES,
  'services/sender': SENDER_ERROR_CODES,
  'services/receiver': RECEIVER_ERROR_CODES,
};

function sourceOf(project: string): string {
  const src = path.join(root, project, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && path.basename(file) !== 'errors.ts')
    .map((file) => readFileSync(path.join(src, file), 'utf8'))
    .join('\n');
}

describe('docs/errors.md', () => {
  it('has a heading for every error code, and for nothing else', () => {
    const codes = Object.values(CODES).flat();
    assert.deepEqual(difference(codes, namedSections('errors.md').keys()), { undocumented: [], unknown: [] });
  });

  it('says of every code what to do', () => {
    const bare = [...namedSections('errors.md')].filter(([, text]) => text.trim().length < 60).map(([code]) => code);
    assert.deepEqual(bare, []);
  });

  for (const [project, codes] of Object.entries(CODES))
    it(`${project} can fail with each of its codes`, () => {
      const source = sourceOf(project);
      const never = codes.filter((code) => !source.includes(`'${code}'`));
      assert.deepEqual(never, []);
    });
});
