import process from 'node:process';
import { runBeside } from './beside.js';
import { replayService } from './service.js';
import { readVersion } from './version.js';

process.exit(await runBeside(replayService(readVersion())));
