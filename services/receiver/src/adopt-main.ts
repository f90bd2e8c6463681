import process from 'node:process';
import { runBeside } from './beside.js';
import { adoptService } from './service.js';
import { readVersion } from './version.js';

process.exit(await runBeside(adoptService(readVersion())));
