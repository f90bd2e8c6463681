#!/usr/bin/env node
import process from 'node:process';
import { setImmediate as turn } from 'node:timers/promises';
import { endProcess, flushed, readVersion } from '@ssm/service-kit';
import { COMMANDS } from './ssm/commands.js';
import { runSsm } from './ssm/main.js';
import { thisTerminal } from './ssm/terminal.js';

const terminal = thisTerminal();
const code = await runSsm(process.argv.slice(2), COMMANDS, terminal, readVersion());
await flushed(process.stdout);
// A stream tells of its faults a little later.
await turn();
const { outputFault } = terminal;
if (outputFault !== undefined) process.stderr.write(`ssm: the output cannot be written: ${outputFault.message}\n`);
await flushed(process.stderr);
await endProcess(outputFault === undefined ? code : Math.max(code, 1));
