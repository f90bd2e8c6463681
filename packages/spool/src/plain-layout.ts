/**
 * Names below `.claimed/` of a plain directory: `TOKEN~ID~NAME` is claimed by the owner with that token, and `free~ID~NAME` by nobody: a file
 * that could not go back to its place. Both keep the file's name and the delivery id that was made when it was first claimed.
 */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { CLAIMS } from './claims-directory.js';
import { decodeName, encodeName, fileIn, isForeignName } from './names.js';

const FREE = 'free';
const CLAIMED = /^(free|[0-9a-f]{16})~([0-9a-f]{32})~(.+)$/s;
const FREE_PATH = `${CLAIMS}/${FREE}~`;
/** Bytes that a file system allows for a name, less those of token and id. */
const MAXIMUM_NAME = 255 - 16 - 32 - 2;

export interface ClaimedName {
  /** undefined: free. */
  readonly token: string | undefined;
  readonly id: string;
  readonly name: string;
}

/** From an entry of the directory, given as latin1; undefined when it is none of these. */
export function parseClaimed(entry: string): ClaimedName | undefined {
  const [, token, id, name] = CLAIMED.exec(entry) ?? [];
  if (token === undefined || id === undefined || name === undefined) return undefined;
  return { token: token === FREE ? undefined : token, id, name: decodeName(name) };
}

export function claimedPath(root: string, { token, id, name }: ClaimedName): string | Buffer {
  return fileIn(`${root}/${CLAIMS}`, `${token ?? FREE}~${id}~${name}`);
}

/** What a scan calls a free file; a file in the directory itself cannot be called so. */
export function freeElement({ id, name }: ClaimedName): string {
  return `${FREE_PATH}${id}~${name}`;
}

export function parseFreeElement(element: string): ClaimedName | undefined {
  if (!element.startsWith(FREE_PATH)) return undefined;
  const parsed = parseClaimed(encodeName(element.slice(CLAIMS.length + 1)).toString('latin1'));
  return parsed?.name.includes('/') === true ? undefined : parsed;
}

/** Can a file of this name be claimed and sent? The name becomes an id in text, and part of a longer file name. */
export function isSendableName(name: string): boolean {
  return !isForeignName(name) && Buffer.byteLength(name) <= MAXIMUM_NAME;
}

/**
 * The same as long as it is the same file, however often it is claimed. The first half says which file it is; the time of birth is for a
 * file system that gives a new file the inode of one that was just removed: a copy that an operator drops again, with its old time, is a
 * new delivery. The second half says which content, see {@link hasContentOf}.
 */
export function deliveryIdOf(name: string, stats: BigIntStats): string {
  return half(Buffer.concat([encodeName(name), Buffer.from(`\0${stats.ino}\0${stats.birthtimeNs}`)])) + contentHalf(stats);
}

/** Has nobody written to the file since its id was made? Then the id stays, even if a file system gave the file another inode. */
export function hasContentOf(id: string, stats: BigIntStats): boolean {
  return id.endsWith(contentHalf(stats));
}

function contentHalf({ mtimeNs, size }: BigIntStats): string {
  return half(Buffer.from(`${mtimeNs}\0${size}`));
}

function half(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 16);
}
