import { endProcess, readVersion } from '@ssm/service-kit';
import { runBeside } from './beside.js';
import { replayService } from './service.js';

await endProcess(await runBeside(replayService(readVersion())));
