import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from '../wait.js';

export interface Frame {
  readonly command: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const ANSWER_MS = 10_000;

function parse(text: string): Frame {
  const end = text.indexOf('\n\n');
  const [command = '', ...lines] = text.slice(0, end).split('\n');
  const headers = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const);
  return { command, headers: Object.fromEntries(headers), body: text.slice(end + 2) };
}

/** As little STOMP as it takes to ask a broker how it is; shares no code with the transport that is tested. It reads text only. */
export class PlainStomp {
  /** As the broker calls itself. */
  server = '';
  readonly #socket: Socket;
  readonly #frames: Frame[] = [];
  #unread = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#read(text));
    socket.on('error', () => undefined);
  }

  /** Connects, and logs in. Rejects when the broker does not answer CONNECTED in time. */
  static async open(address: { readonly host: string; readonly port: number }, login: string, passcode: string): Promise<PlainStomp> {
    const socket = connect(address);
    const made = new PlainStomp(socket);
    try {
      await once(socket, 'connect');
      made.send('CONNECT', { 'accept-version': '1.2', host: '/', login, passcode });
      made.server = (await made.next('CONNECTED')).headers['server'] ?? '';
    } catch (error) {
      made.close();
      throw error;
    }
    return made;
  }

  send(command: string, headers: Readonly<Record<string, string>>, body: string | Uint8Array = ''): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.#socket.write(Buffer.concat([Buffer.from(`${command}\n${lines.join('')}\n`), Buffer.from(body), Buffer.from('\0')]));
  }

  /** The next frame with this command; others are passed over. Rejects on ERROR, at the end of the connection, and after ten seconds. */
  async next(command: string): Promise<Frame> {
    const isWanted = (frame: Frame): boolean => frame.command === command || frame.command === 'ERROR';
    await eventually(() => this.#frames.some(isWanted) || this.#socket.destroyed, { timeout: ANSWER_MS, what: `a frame ${command}` });
    const frames = this.#frames.splice(0, this.#frames.findIndex(isWanted) + 1);
    const last = frames.at(-1);
    if (last?.command === command) return last;
    throw new Error(last === undefined ? 'the broker closed the connection' : `${last.headers['message'] ?? ''} ${last.body}`);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    const parts = `${this.#unread}${text}`.split('\0');
    this.#unread = parts.pop() ?? '';
    for (const part of parts) this.#frames.push(parse(part.replace(/^\n+/, '')));
  }
}
