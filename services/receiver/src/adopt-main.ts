import process from 'node:process';
import { readVersion } from '@ssm/service-kit';
import { runBeside } from './beside.js';
import { adoptService } from './service.js';

process.exit(await runBeside(adoptService(readVersion())));
