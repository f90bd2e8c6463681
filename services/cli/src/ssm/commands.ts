import { addCommand } from './add.js';
import { checkCommand } from './check/command.js';
import type { Command } from './command.js';
import { completionCommand } from './completion.js';
import { openCommand } from './open.js';
import { listCommand } from './queue/list.js';
import { purgeCommand } from './queue/purge.js';
import { requeueCommand } from './queue/requeue.js';
import { showCommand } from './queue/show.js';
import { sealCommand } from './seal.js';
import { statusCommand } from './status.js';

const OTHERS = [checkCommand, statusCommand, listCommand, showCommand, requeueCommand, purgeCommand, addCommand, sealCommand, openCommand];

/** Every subcommand of `ssm`, in the order of its help. */
export const COMMANDS: readonly Command[] = [...OTHERS, completionCommand(OTHERS)];
