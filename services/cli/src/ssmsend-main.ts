import process from 'node:process';
import { runClassic } from './classic/run.js';
import { ssmsend } from './classic/ssmsend.js';
import { thisHost } from './host.js';
import { readVersion } from './version.js';

process.exit(await runClassic(ssmsend(readVersion()), thisHost()));
