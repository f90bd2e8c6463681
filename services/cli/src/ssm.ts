#!/usr/bin/env node
import process from 'node:process';
import { flushed } from '@ssm/service-kit';
import { COMMANDS } from './ssm/commands.js';
import { runSsm } from './ssm/main.js';
import { thisTerminal } from './ssm/terminal.js';
import { readVersion } from './version.js';

const code = await runSsm(process.argv.slice(2), COMMANDS, thisTerminal(), readVersion());
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(code);
