/**
 * File system calls of the main path, by callback: half the cost of those of node:fs/promises, and a descriptor costs far less than a
 * FileHandle. Each rejects with the system's error.
 */
import fs, { type BigIntStats, type Stats } from 'node:fs';

export type Path = string | Buffer;

/** The promise of one call. */
function settle<T>(run: (done: (error: Error | null, result: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    run((error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

export function settleVoid(run: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    run((error) => (error === null ? resolve() : reject(error)));
  });
}

/** Bytes that were read from where the last call ended: fewer than asked for at the end of the file, 0 behind it. */
function read(descriptor: number, into: Uint8Array, offset: number): Promise<number> {
  return settle((done) => fs.read(descriptor, into, offset, into.length - offset, null, done));
}

/** Bytes that were written; perhaps not all. */
function write(descriptor: number, data: Uint8Array, offset: number): Promise<number> {
  return settle((done) => fs.write(descriptor, data, offset, data.length - offset, null, done));
}

/** On libuv's threads. `Exact`: whole numbers of any size, and times in nanoseconds. */
export const files = {
  statExact: (file: Path): Promise<BigIntStats> => settle((done) => fs.stat(file, { bigint: true }, done)),
  lstat: (file: Path): Promise<Stats> => settle((done) => fs.lstat(file, done)),
  lstatExact: (file: Path): Promise<BigIntStats> => settle((done) => fs.lstat(file, { bigint: true }, done)),
  link: (from: Path, to: Path): Promise<void> => settleVoid((done) => fs.link(from, to, done)),
  unlink: (file: Path): Promise<void> => settleVoid((done) => fs.unlink(file, done)),
  mkdir: (directory: Path, mode: number): Promise<void> => settleVoid((done) => fs.mkdir(directory, mode, (error) => done(error))),
  rename: (from: Path, to: Path): Promise<void> => settleVoid((done) => fs.rename(from, to, done)),
  lutimes: (file: Path, accessed: Date, modified: Date): Promise<void> => settleVoid((done) => fs.lutimes(file, accessed, modified, done)),
  open: (file: Path, flags: number, mode?: number): Promise<number> => settle((done) => fs.open(file, flags, mode, done)),
  close: (descriptor: number): Promise<void> => settleVoid((done) => fs.close(descriptor, (error) => done(error ?? null))),
  fstatExact: (descriptor: number): Promise<BigIntStats> => settle((done) => fs.fstat(descriptor, { bigint: true }, done)),
  read,
  write,
};

type Files = typeof files;

/** How the calls of a volume are made: what answers at once gives or throws its answer, without a promise. */
export type FileCalls = {
  readonly [Name in keyof Files]: (...args: Parameters<Files[Name]>) => Awaited<ReturnType<Files[Name]>> | ReturnType<Files[Name]>;
};
