import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/**
 * Makes a directory whose subdirectories an ext4 spreads over its groups of inodes. In the group of files that were deleted a moment ago making
 * a new one can take ten times as long, for minutes: a receiver would be measured by what a sender deleted. Where the file system cannot be
 * told, nothing but that is lost.
 */
export function makeSpread(directory: string): void {
  mkdirSync(directory, { recursive: true });
  try {
    execFileSync('chattr', ['+T', directory], { stdio: 'ignore' });
  } catch {
    // Another file system, or another system.
  }
}
