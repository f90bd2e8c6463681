export { checkConfig, type ReceiverConfig, receiverSettings } from './config.js';
export { RECEIVER_ERROR_CODES, ReceiverError, type ReceiverErrorCode } from './errors.js';
export { type ReceiverOptions, startReceiver } from './receiver.js';
export { startReplay } from './replay.js';
export { receiverService, replayService } from './service.js';
export { STAGES, type Stage, type StageHook } from './steps.js';
