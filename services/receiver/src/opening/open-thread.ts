import { openJobs } from './open-job.js';
import { serveJobs } from './serve.js';

serveJobs(openJobs);
