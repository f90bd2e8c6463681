import process from 'node:process';
import { readVersion, runService } from '@ssm/service-kit';
import { senderService } from './index.js';

process.exit(await runService(senderService(readVersion())));
