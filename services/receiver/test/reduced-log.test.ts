import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { ReducedLog } from '../src/reduced-log.js';

const entry = { at: new Date(0), code: 'digest-mismatch', sha256: 'ab'.repeat(32), bytes: 9, signer: undefined, empaid: 'x' };

describe('ReducedLog', () => {
  it('writes one line of JSON a message', async (t) => {
    const directory = temporaryDirectory(t);
    const log = new ReducedLog(directory);
    await Promise.all([log.append(entry), log.append({ ...entry, signer: '/CN=a\nb' })]);
    const lines = readFileSync(path.join(directory, '.reduced.jsonl'), 'utf8').trimEnd().split('\n');
    assert.equal(lines.length, 2);
    assert.deepEqual(JSON.parse(lines[0]!), {
      at: '1970-01-01T00:00:00.000Z',
      code: entry.code,
      sha256: entry.sha256,
      bytes: 9,
      empaid: 'x',
    });
  });

  it('is bounded: of two files the older gives way', async (t) => {
    const directory = temporaryDirectory(t);
    const log = new ReducedLog(directory);
    for (let i = 0; i < 3; i++) {
      writeFileSync(path.join(directory, '.reduced.jsonl'), Buffer.alloc(4 * 1024 * 1024));
      await log.append(entry);
    }
    assert.deepEqual(readdirSync(directory), ['.reduced.1.jsonl']);
    assert.ok(statSync(path.join(directory, '.reduced.1.jsonl')).size < 5 * 1024 * 1024);
    assert.equal(existsSync(path.join(directory, '.reduced.jsonl')), false);
  });

  it('is shared by receivers of one volume: whoever comes second rotates nothing', async (t) => {
    const directory = temporaryDirectory(t);
    const logs = [new ReducedLog(directory), new ReducedLog(directory)];
    const long = { ...entry, empaid: 'x'.repeat(200_000) };
    for (let i = 0; i < 150; i++) await Promise.all(logs.map((log) => log.append(long)));
    const lines = ['.reduced.jsonl', '.reduced.1.jsonl']
      .map((name) => path.join(directory, name))
      .flatMap((file) => (existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []));
    assert.ok(lines.length >= 20, `${lines.length} lines are left of 300, 20 fill a file`);
    for (const line of lines) assert.equal((JSON.parse(line) as typeof long).empaid.length, 200_000);
  });

  it('follows no link', async (t) => {
    const directory = temporaryDirectory(t);
    symlinkSync(path.join(directory, 'elsewhere'), path.join(directory, '.reduced.jsonl'));
    await assert.rejects(new ReducedLog(directory).append(entry), { code: 'ELOOP' });
    assert.equal(existsSync(path.join(directory, 'elsewhere')), false);
  });

  it('goes on after a failure', async (t) => {
    const directory = temporaryDirectory(t);
    const log = new ReducedLog(path.join(directory, 'gone'));
    await assert.rejects(log.append(entry), { code: 'ENOENT' });
    await assert.rejects(log.append(entry), { code: 'ENOENT' });
  });
});
