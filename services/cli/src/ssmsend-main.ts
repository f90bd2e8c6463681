import { endProcess, readVersion, thisHost } from '@ssm/service-kit';
import { runClassic } from './classic/run.js';
import { ssmsend } from './classic/ssmsend.js';

await endProcess(await runClassic(ssmsend(readVersion()), thisHost()));
