import { endProcess, readVersion, runService } from '@ssm/service-kit';
import { senderService } from './index.js';

await endProcess(await runService(senderService(readVersion())));
