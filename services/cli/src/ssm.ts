#!/usr/bin/env node
import process from 'node:process';
import { readVersion } from './version.js';

process.stdout.write(`${readVersion()}\n`);
