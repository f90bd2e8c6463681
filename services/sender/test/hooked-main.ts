// A sender that kills itself at a stage boundary: node hooked-main.js --kill-stage=STAGE [--kill-count=COUNT] [--kill-delay=MS] [options of the sender]
import process from 'node:process';
import { runService } from '@ssm/service-kit';
import { killHook } from '@ssm/test-support';
import { STAGES, senderService } from '../src/index.js';

const { args, onStage } = killHook(STAGES, process.argv.slice(2));
const { env, stdout, stderr } = process;
const host = { args, env, stdout, stderr, events: process, exit: (code: number) => process.exit(code) };
process.exit(await runService(senderService('0.0.0-hooked', { onStage }), host));
