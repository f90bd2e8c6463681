import { appendFileSync } from 'node:fs';
import process from 'node:process';

/**
 * Says where a long test is. Node's test runner keeps back what a test file prints until the files before it have ended, so the line goes to a
 * file that scripts/test.mjs shows as it grows; without one, to standard error.
 */
export function progress(line: string): void {
  const { SSM_TEST_PROGRESS: file } = process.env;
  if (file === undefined) process.stderr.write(`${line}\n`);
  else appendFileSync(file, `${line}\n`);
}

/** Says `line()` every ten seconds, so that nobody thinks that it hangs; call the result to stop. */
export function keepSaying(line: () => string): () => void {
  const timer = setInterval(() => progress(line()), 10_000);
  return () => clearInterval(timer);
}
