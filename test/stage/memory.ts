import { readFileSync } from 'node:fs';

const MIB = 1024;

/** Resident memory of a process in MiB, as Linux counts it: now, and at its highest since the start. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? Number.NaN);
  return { now: Math.round(kib('VmRSS') / MIB), peak: Math.round(kib('VmHWM') / MIB) };
}
