import { alone } from '../../src/opening/batch.js';
import { type Answer, serveJobs } from '../../src/opening/serve.js';

export interface Setup {
  readonly prefix: string;
}

export interface Job {
  readonly text: string;
  /** Milliseconds at work. */
  readonly work?: number;
}

// Says which setup it had for which job; "refuse" is not done, "throw" ends the thread.
serveJobs(({ prefix }: Setup) => ({ text, work = 0 }: Job): Answer<Uint8Array> => {
  if (text === 'throw') throw new Error('thrown in the thread');
  const end = performance.now() + work;
  while (performance.now() < end);
  if (text === 'refuse') return { result: undefined };
  const bytes = alone(Buffer.from(`${prefix} ${text}`));
  return { result: bytes, transfer: [bytes.buffer] };
});
