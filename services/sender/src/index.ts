export { createPublisher } from './broker.js';
export { type SenderConfig, senderSettings } from './config.js';
export { SENDER_ERROR_CODES, type SenderErrorCode } from './errors.js';
export { loadMaterials, type Materials } from './materials.js';
export { queueOptions } from './parts.js';
export { STAGES, type Stage, type StageHook } from './pipeline.js';
export { judgeRecipients, loadRecipients, type Recipient } from './recipients.js';
export { senderService } from './service.js';
