import { endProcess, readVersion } from '@ssm/service-kit';
import { runBeside } from './beside.js';
import { adoptService } from './service.js';

await endProcess(await runBeside(adoptService(readVersion())));
