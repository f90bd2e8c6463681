// Node's test runner shows what a test file prints only when the files before it have ended. Long tests add lines to a file, which is shown as it grows.
import { closeSync, openSync, readSync } from 'node:fs';
import process from 'node:process';

const LOOK_MS = 250;

/** Call the result at the end: it shows the rest. */
export function showAsItGrows(file) {
  const descriptor = openSync(file, 'a+');
  const buffer = Buffer.alloc(65_536);
  let shown = 0;
  const show = () => {
    for (;;) {
      const length = readSync(descriptor, buffer, 0, buffer.length, shown);
      if (length === 0) return;
      process.stderr.write(buffer.subarray(0, length));
      shown += length;
    }
  };
  const timer = setInterval(show, LOOK_MS);
  return () => {
    clearInterval(timer);
    show();
    closeSync(descriptor);
  };
}
