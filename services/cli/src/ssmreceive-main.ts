import process from 'node:process';
import { readVersion, thisHost } from '@ssm/service-kit';
import { runClassic } from './classic/run.js';
import { ssmreceive } from './classic/ssmreceive.js';

process.exit(await runClassic(ssmreceive(readVersion()), thisHost()));
