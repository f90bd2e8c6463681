import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

// As little STOMP as a limit can be measured with: no library of ours, no errors but the end of the process.

const NUL = Buffer.alloc(1);
/** Without a message, until a queue is taken for empty. */
const QUIET_MS = 500;
/** What a sealed message of 1 KB comes to at most. */
const SMALL_BYTES = 10 * 1024;
/** Until a first message is given up. */
const FIRST_MS = 120_000;

export interface BareOptions {
  readonly port: number;
  readonly destination: string;
  readonly login?: string;
  readonly passcode?: string;
  /** `name:value`, for SEND or SUBSCRIBE. */
  readonly headers?: readonly string[];
}

/** Calls `frame` with each frame that comes, as Latin-1 text. Bodies must have no NUL. */
function onFrames(socket: Socket, frame: (text: string) => void): void {
  let rest: string[] = [];
  socket.setEncoding('latin1').on('data', (text: string) => {
    const frames = text.split('\0');
    const last = frames.pop() ?? '';
    if (frames.length === 0) {
      rest.push(last);
      return;
    }
    frames[0] = rest.join('') + (frames[0] ?? '');
    rest = [last];
    for (const one of frames) frame(one.trimStart());
  });
}

async function open(options: BareOptions, received: (frame: string) => void): Promise<Socket> {
  const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  // When the broker closes; not when we do.
  socket.on('end', () => {
    throw new Error('the broker closed the connection');
  });
  const connected = new Promise<void>((resolve) => {
    onFrames(socket, (frame) => {
      if (frame.startsWith('CONNECTED')) resolve();
      else if (frame.startsWith('ERROR')) throw new Error(`the broker says: ${frame}`);
      else if (frame !== '') received(frame);
    });
  });
  const login = options.login === undefined ? '' : `login:${options.login}\npasscode:${options.passcode ?? ''}\n`;
  socket.write(`CONNECT\naccept-version:1.2\nhost:/\n${login}\n\0`);
  await connected;
  return socket;
}

const more = ({ headers = [] }: BareOptions): string => headers.map((header) => `${header.replace('=', ':')}\n`).join('');

export interface BarePublisher {
  /** One write; resolves at the receipt. */
  readonly send: (body: string | Buffer) => Promise<void>;
  readonly close: () => void;
}

export async function barePublisher(options: BareOptions): Promise<BarePublisher> {
  const waiting = new Map<string, () => void>();
  let next = 0;
  const socket = await open(options, (frame) => {
    const id = /^receipt-id:(.*)$/m.exec(frame)?.[1]?.trim() ?? '';
    waiting.get(id)?.();
    waiting.delete(id);
  });
  return {
    send: (body) =>
      new Promise((resolve) => {
        next += 1;
        const id = String(next);
        waiting.set(id, resolve);
        const head = `SEND\ndestination:${options.destination}\n${more(options)}persistent:true\nempa-id:${id}\nreceipt:${id}\n`;
        const top = `${head}content-length:${body.length}\n\n`;
        if (typeof body === 'string') socket.write(`${top}${body}\0`, 'latin1');
        else socket.write(Buffer.concat([Buffer.from(top, 'latin1'), body, NUL]));
      }),
    close: () => void socket.destroy(),
  };
}

/** How many messages are delivered before one must be acknowledged, and the bytes of one, since Artemis counts bytes. */
interface Window {
  readonly messages: number;
  readonly bytes: number;
}

/** Calls `delivered` for each message, a frame as Latin-1 text, which is acknowledged when that is called. Resolves when subscribed; call the result to end. */
export async function bareReceiver(
  options: BareOptions,
  window: Window,
  delivered: (frame: string, acknowledge: () => void) => void,
): Promise<() => void> {
  const socket: Socket = await open(options, (frame) => {
    if (!frame.startsWith('MESSAGE')) return;
    const id = /^ack:(.*)$/m.exec(frame)?.[1]?.trim() ?? '';
    delivered(frame, () => void socket.write(`ACK\nid:${id}\n\n\0`));
  });
  const { messages, bytes } = window;
  const prefetch = `prefetch-count:${messages}\nactivemq.prefetchSize:${messages}\nconsumer-window-size:${messages * bytes}\n`;
  socket.write(`SUBSCRIBE\nid:0\ndestination:${options.destination}\nack:client-individual\n${prefetch}${more(options)}\n\0`);
  return () => void socket.destroy();
}

/** Acknowledges everything; calls `delivered` for each message. Resolves when subscribed; call the result to end. */
export async function bareSubscriber(options: BareOptions, window: number, delivered: () => void): Promise<() => void> {
  return await bareReceiver(options, { messages: window, bytes: SMALL_BYTES }, (_, acknowledge) => {
    delivered();
    acknowledge();
  });
}

/** When the first message is delivered, ms of the steady clock; that message is gone then. `subscribed` is awaited once it is waited for. */
export async function firstDelivery(options: BareOptions, subscribed: () => Promise<void>): Promise<number> {
  const delivered: number[] = [];
  const end = await bareSubscriber(options, 1, () => void delivered.push(performance.now()));
  await subscribed();
  const began = performance.now();
  while (delivered.length === 0) {
    if (performance.now() - began > FIRST_MS) throw new Error(`no message within ${FIRST_MS / 1000} s`);
    await sleep(5);
  }
  end();
  return delivered[0] ?? Number.NaN;
}

/** Takes everything from a queue until nothing has come for a while. */
export async function drain(options: BareOptions): Promise<void> {
  let last = performance.now();
  const end = await bareSubscriber(options, 1000, () => {
    last = performance.now();
  });
  while (performance.now() - last < QUIET_MS) await sleep(QUIET_MS / 10);
  end();
}
