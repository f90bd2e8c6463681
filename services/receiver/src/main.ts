import process from 'node:process';
import { runService } from '@ssm/service-kit';
import { receiverService } from './service.js';
import { readVersion } from './version.js';

process.exit(await runService(receiverService(readVersion())));
