import process from 'node:process';
import { readVersion, thisHost } from '@ssm/service-kit';
import { runClassic } from './classic/run.js';
import { ssmsend } from './classic/ssmsend.js';

process.exit(await runClassic(ssmsend(readVersion()), thisHost()));
