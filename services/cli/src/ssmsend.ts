#!/usr/bin/env node
import { outliveHangUp } from './hang-up.js';

outliveHangUp();
await import('./ssmsend-main.js');
