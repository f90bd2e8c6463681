import { Buffer } from 'node:buffer';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { hexEscaped, jsonEscaped } from '@ssm/service-kit';

/** What a command has of the world; tests give their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly now: () => Date;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Why the output could not be written. */
  readonly outputFault?: Error | undefined;
}

/** This process. Whoever asks for the signal ends in order at Ctrl-C and SIGTERM; all others end at once. */
export function thisTerminal(): Terminal {
  const { env, stderr, stdin, stdout } = process;
  const stop = new AbortController();
  let listening = false;
  let outputFault: Error | undefined;
  stdout.on('error', (error) => {
    // A reader that went away (ssm ... | head) is no fault, a full disk is.
    if (!('code' in error) || error.code !== 'EPIPE') outputFault ??= error;
    stop.abort();
  });
  stderr.on('error', () => undefined);
  return {
    env,
    stdin,
    stdout,
    stderr,
    now: () => new Date(),
    get outputFault() {
      return outputFault;
    },
    get signal() {
      if (!listening) for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
      listening = true;
      return stop.signal;
    },
  };
}

/** A text that a terminal shows and does not obey: controls, direction marks and the like are escaped, LF and TAB apart. */
export function visible(text: string): string {
  return hexEscaped(text, '\n\t');
}

/** On one line. */
export function visibleLine(text: string): string {
  return visible(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

export function say({ stdout }: Terminal, text: string): void {
  stdout.write(`${visible(text)}\n`);
}

export function complain({ stderr }: Terminal, text: string): void {
  stderr.write(`${visible(text)}\n`);
}

/** As JSON escapes it: the value stays the same. */
export function sayJson({ stdout }: Terminal, value: unknown): void {
  stdout.write(`${jsonEscaped(JSON.stringify(value, undefined, 2), '\n')}\n`);
}

/** Bytes as they are; on a terminal as text that is shown and not obeyed. */
export async function sayBytes({ stdout }: Terminal, bytes: Uint8Array): Promise<void> {
  const data = stdout.isTTY === true ? visible(Buffer.from(bytes).toString('utf8')) : bytes;
  await new Promise<void>((resolve, reject) => {
    stdout.write(data, (error) => (error === null || error === undefined ? resolve() : reject(error)));
  });
}
