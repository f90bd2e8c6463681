import { readFileSync } from 'node:fs';
import process from 'node:process';
import { runService } from '@ssm/service-kit';
import { senderService } from './index.js';

const { version }: { readonly version: string } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

process.exit(await runService(senderService(version)));
