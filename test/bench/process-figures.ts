import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

// What Linux tells about a process; undefined elsewhere.

const TICKS_PER_SECOND = 100;

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function statusOf(pid: number, field: string): number | undefined {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** Largest resident memory so far, bytes. */
export const peakMemory = (pid: number): number | undefined => statusOf(pid, 'VmHWM');

/** Resident memory now, bytes. */
export const residentMemory = (pid: number): number | undefined => statusOf(pid, 'VmRSS');

/** User and system seconds so far, of all its threads. */
export function cpuSeconds(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The name in brackets may have blanks: counted from its end, user and system time are the 12th and 13th.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The inodes of established TCP connections to this port, from the text of /proc/PID/net/tcp. */
export function socketsTo(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const ESTABLISHED = '01';
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote, state]) => state === ESTABLISHED && remote?.endsWith(suffix) === true)
    .map((fields) => fields[9] ?? '');
}

/** Connections that the process has to this port. */
export function connectionsOf(pid: number, port: number): number | undefined {
  const tables = ['tcp', 'tcp6'].map((name) => read(`/proc/${pid}/net/${name}`));
  if (tables.every((text) => text === undefined)) return undefined;
  const sockets = new Set(tables.flatMap((text) => socketsTo(text ?? '', port)).map((inode) => `socket:[${inode}]`));
  try {
    return readdirSync(`/proc/${pid}/fd`).filter((name) => sockets.has(readlinkSync(`/proc/${pid}/fd/${name}`))).length;
  } catch {
    return undefined;
  }
}
