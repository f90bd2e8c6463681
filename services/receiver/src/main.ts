import { readFileSync } from 'node:fs';
import process from 'node:process';
import { runService } from '@ssm/service-kit';
import { receiverService } from './service.js';

const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';

process.exit(await runService(receiverService(version)));
