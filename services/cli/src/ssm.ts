#!/usr/bin/env node
import process from 'node:process';
import { COMMANDS } from './ssm/commands.js';
import { runSsm } from './ssm/main.js';
import { thisTerminal } from './ssm/terminal.js';
import { readVersion } from './version.js';

process.exit(await runSsm(process.argv.slice(2), COMMANDS, thisTerminal(), readVersion()));
