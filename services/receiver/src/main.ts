import { endProcess, readVersion, runService } from '@ssm/service-kit';
import { receiverService } from './service.js';

await endProcess(await runService(receiverService(readVersion())));
