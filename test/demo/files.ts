import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

const MiB = 1024 * 1024;

export interface DemoFile {
  readonly name: string;
  readonly what: string;
  readonly body: Buffer;
}

/** Bytes that look random and are the same in every run. */
function noise(length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let made = 0, index = 0; made < length; made += 64, index += 1) blocks.push(createHash('sha512').update(`block ${index}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

/** Job records of the sample, over and over, with other job numbers. */
function manyRecords(sample: string, length: number): Buffer {
  const [header = '', ...records] = sample.split(/(?<=\n)/);
  const record = records.join('');
  let text = header;
  for (let job = 1; text.length < length; job += 1) text += record.replaceAll(/LocalJobId: .*/g, `LocalJobId: ${job}.0`);
  return Buffer.from(text);
}

/** The records as the field sends them, a large file, and one that is not text at all. */
export async function demoFiles(samples: string): Promise<DemoFile[]> {
  const names = (await readdir(samples)).filter((name) => name.endsWith('.txt') || name.endsWith('.xml')).toSorted();
  const records = await Promise.all(
    names.map(async (name) => ({ name, what: 'sample records', body: await readFile(path.join(samples, name)) })),
  );
  const jobs = await readFile(path.join(samples, 'job-records.txt'), 'utf8');
  return [
    ...records,
    { name: 'large-file.txt', what: 'a large file of job records', body: manyRecords(jobs, 12 * MiB) },
    { name: 'binary-file.bin', what: 'bytes that are no text', body: Buffer.concat([Buffer.from([0, 13, 10, 13, 0, 255]), noise(MiB)]) },
  ];
}

/** As a well-behaved writer does it: written elsewhere on the same file system, then renamed in. */
export async function drop(outgoing: string, file: DemoFile): Promise<void> {
  const staging = path.join(outgoing, '.writing');
  await mkdir(staging, { recursive: true });
  const temporary = path.join(staging, file.name);
  await writeFile(temporary, file.body);
  await rename(temporary, path.join(outgoing, file.name));
}
