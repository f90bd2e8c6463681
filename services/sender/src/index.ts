export { type SenderConfig, senderSettings } from './config.js';
export { SENDER_ERROR_CODES, SenderError, type SenderErrorCode } from './errors.js';
export { createSenderMetrics, type Observed, type SenderMetrics } from './metrics.js';
export { STAGES, type Stage, type StageHook } from './pipeline.js';
export { type StartOptions, startSender } from './sender.js';
export { senderService } from './service.js';
