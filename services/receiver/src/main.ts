import process from 'node:process';
import { readVersion, runService } from '@ssm/service-kit';
import { receiverService } from './service.js';

process.exit(await runService(receiverService(readVersion())));
