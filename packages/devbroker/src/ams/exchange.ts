import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, internal } from './api-error.js';
import type { AmsFault } from './faults.js';

/** Bytes of a request that are read; beyond it the connection ends. */
const MAXIMUM_REQUEST = 64 * 1024 * 1024;
const ENDLESS_CHUNK = Buffer.alloc(64 * 1024, 'x');

export async function readRequest(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAXIMUM_REQUEST) throw new ApiError(413, 'Request is too large', 'INVALID_ARGUMENT');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Answers a request, or does what the fault says. `work` gives an object for a JSON answer, '' for an empty one. */
export async function answer(response: ServerResponse, work: () => Promise<object | ''>, fault: AmsFault | undefined): Promise<void> {
  switch (fault?.type) {
    case 'answer':
      response.writeHead(fault.status, fault.headers ?? { 'content-type': 'application/json' });
      response.end(fault.body ?? '');
      return;
    case 'delay':
      await sleep(fault.ms);
      break;
    case 'hang':
      return;
    case 'endless':
      await endless(response, fault.head);
      return;
    case 'cut':
      await cut(response, work, fault.when);
      return;
    case 'publish-some':
    case undefined:
      break;
  }
  await send(response, await outcome(work), false);
}

interface Outcome {
  readonly status: number;
  readonly text: string;
}

async function outcome(work: () => Promise<object | ''>): Promise<Outcome> {
  try {
    const result = await work();
    return { status: 200, text: result === '' ? '' : JSON.stringify(result, undefined, 3) };
  } catch (error) {
    const failure = error instanceof ApiError ? error : internal(String(error));
    return { status: failure.code, text: JSON.stringify(failure, undefined, 3) };
  }
}

/** `half`: the head and half of the body, out on the network. */
async function send(response: ServerResponse, { status, text }: Outcome, half: boolean): Promise<void> {
  const body = Buffer.from(text);
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length });
  if (half) await new Promise((resolve) => response.write(body.subarray(0, Math.floor(body.length / 2)), resolve));
  else response.end(body);
}

async function cut(response: ServerResponse, work: () => Promise<object | ''>, when: 'before' | 'after' | 'within'): Promise<void> {
  const done = when === 'before' ? undefined : await outcome(work);
  if (done !== undefined && when === 'within') await send(response, done, true);
  response.socket?.destroy();
}

async function endless(response: ServerResponse, head: string): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write(head);
  while (!response.destroyed) {
    if (!response.write(ENDLESS_CHUNK)) await sleep(1);
  }
}
