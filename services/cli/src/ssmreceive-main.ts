import { endProcess, readVersion, thisHost } from '@ssm/service-kit';
import { runClassic } from './classic/run.js';
import { ssmreceive } from './classic/ssmreceive.js';

await endProcess(await runClassic(ssmreceive(readVersion()), thisHost()));
