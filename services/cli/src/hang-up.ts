import process from 'node:process';
import { isatty } from 'node:tty';

/**
 * Without a terminal SIGHUP asks for a reload, and ends a process that does not listen for it: one that comes while the modules are loaded
 * is harmless then, since everything is read after that. To be called before they are imported.
 */
export function outliveHangUp(): void {
  if (!isatty(1)) process.on('SIGHUP', () => undefined);
}
