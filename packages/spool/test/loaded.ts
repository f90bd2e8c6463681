/** node loaded.js files|shared: uses such a record, and prints whether the client library was loaded for it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { createDeliveryRecord, createSharedDeliveryRecord } from '../src/index.js';

const directory = mkdtempSync(path.join(tmpdir(), 'ssm-test-'));
const options = { path: path.join(directory, 'record') };
const server = { url: 'redis://127.0.0.1:1', prefix: 'ssm', timeoutMs: 1000 };
const record =
  process.argv[2] === 'shared'
    ? createSharedDeliveryRecord({ ...options, server, label: '', windowMs: 1000 })
    : createDeliveryRecord(options);
await record.start().catch(() => undefined);
await record.claim('id', '.staging/a/1').catch(() => undefined);
const { cache } = createRequire(import.meta.url);
const modules = Object.keys(cache).filter((file) => file.includes('@redis'));
process.stdout.write(`${modules.length === 0 ? 0 : 'loaded'}\n`);
rmSync(directory, { recursive: true });
