import process from 'node:process';
import { runClassic } from './classic/run.js';
import { ssmreceive } from './classic/ssmreceive.js';
import { thisHost } from './host.js';
import { readVersion } from './version.js';

process.exit(await runClassic(ssmreceive(readVersion()), thisHost()));
