/**
 * Resolves when what was written to the stream is out, or can never be, at most after so many milliseconds: the end of a process drops
 * what a pipe has not taken yet. Never rejects; a reader that went away is no fault.
 */
export async function flushed(stream: NodeJS.WritableStream & { readonly writableLength?: number }, timeoutMs?: number): Promise<void> {
  if ((stream.writableLength ?? 0) === 0) return;
  stream.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, timeoutMs);
    stream.write('', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
