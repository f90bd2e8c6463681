export { type ListPaths, loadSignerLists, type SignerLists } from './authorise.js';
export { checkConfig, type ReceiverConfig, receiverSettings } from './config.js';
export { type Credentials, loadCredentials, sourcesOf } from './credentials.js';
export { readDnLine } from './dn-line.js';
export { RECEIVER_ERROR_CODES, type ReceiverErrorCode } from './errors.js';
export { isReplayable } from './refusal.js';
export { verificationRules } from './rules.js';
export { receiverService, replayService } from './service.js';
export { STAGES, type Stage, type StageHook } from './steps.js';
