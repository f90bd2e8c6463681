import type { Socket } from 'node:net';
import type { ConnectionInfo, Context } from './context.js';
import { type Frame, Refusal, type StompVersion } from './frame.js';
import { Heartbeat } from './heartbeat.js';
import { Output } from './output.js';
import { FrameParser } from './parser.js';
import { type Link, Session } from './session.js';

/** How long a client may take to close its side after an ERROR or DISCONNECT. */
const LINGER_MS = 2000;
/** Receipts that a client does not read: beyond so many bytes it is cut off. */
const MAXIMUM_BACKLOG_BYTES = 256 * 1024 * 1024;

export interface Sockets {
  readonly socket: Socket;
  /** Below TLS; the same without. */
  readonly raw: Socket;
  readonly peerCertificateDn: string | undefined;
}

/** One client's socket: bytes in and out, heart-beats, faults of the connection. */
export class Connection implements Link {
  readonly id: number;
  readonly output: Output;
  readonly #context: Context;
  readonly #sockets: Sockets;
  readonly #remotePort: number;
  readonly #session: Session;
  readonly #parser: FrameParser;
  readonly #onClose: () => void;
  #heartbeat: Heartbeat | undefined;
  #version: StompVersion | undefined;
  #login: string | undefined;
  #state: 'open' | 'finishing' | 'closed' = 'open';
  #silent = false;
  #lingering: NodeJS.Timeout | undefined;

  constructor(context: Context, sockets: Sockets, id: number, onClose: () => void) {
    const { socket } = sockets;
    this.id = id;
    this.#context = context;
    this.#sockets = sockets;
    this.#remotePort = socket.remotePort ?? 0;
    this.#onClose = onClose;
    this.output = new Output(socket, () => this.#session.dispatch());
    this.#session = new Session(context, this);
    this.#parser = new FrameParser(
      (frame) => this.#onFrame(frame),
      (bytes) => this.#checkSize(bytes),
    );
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('end', () => this.finish());
    socket.on('error', () => this.#close());
    socket.on('close', () => this.#close());
  }

  get info(): ConnectionInfo {
    return {
      id: this.id,
      remotePort: this.#remotePort,
      version: this.#version,
      login: this.#login,
      peerCertificateDn: this.#sockets.peerCertificateDn,
      heartbeat: { outgoing: this.#heartbeat?.outgoing ?? 0, incoming: this.#heartbeat?.incoming ?? 0 },
      subscriptions: this.#session.subscriptions,
    };
  }

  established(version: StompVersion, login: string | undefined, [clientSends, clientWants]: readonly [number, number]): void {
    const { heartbeat, heartbeatGrace } = this.#context.settings;
    const [sends, wants] = heartbeat;
    this.#version = version;
    this.#login = login;
    this.#parser.version = version;
    this.#heartbeat = new Heartbeat({
      outgoing: sends === 0 || clientWants === 0 ? 0 : Math.max(sends, clientWants),
      incoming: wants === 0 || clientSends === 0 ? 0 : Math.max(wants, clientSends),
      grace: heartbeatGrace,
      send: () => {
        if (!this.#silent) this.output.heartbeat();
      },
      missed: () => this.#missed(),
    });
  }

  finish(): void {
    if (this.#state !== 'open') return;
    this.#state = 'finishing';
    this.#parser.stop();
    this.#session.close();
    this.#heartbeat?.stop();
    // What still comes in is read and thrown away: unread bytes would turn the close into a reset, and the last frame would be lost.
    this.output.end();
    this.#lingering = setTimeout(() => this.cut('reset'), LINGER_MS);
  }

  /** Now, whatever is under way. */
  cut(how: 'reset' | 'end' = 'reset'): void {
    const { socket, raw } = this.#sockets;
    // A socket that has been ended cannot be reset: Node would leave its handle open for ever, and the process busy with it.
    if (how === 'reset' && !raw.writableEnded) raw.resetAndDestroy();
    raw.destroy();
    socket.destroy();
    this.#close();
  }

  /** Reads nothing, answers nothing, sends no heart-beat, and keeps the socket open. */
  setSilent(silent: boolean): void {
    if (this.#state === 'closed') return;
    this.#silent = silent;
    this.output.hold(silent);
    this.#heartbeat?.received();
    if (silent) this.#sockets.socket.pause();
    else this.#sockets.socket.resume();
  }

  #onData(bytes: Buffer): void {
    this.#heartbeat?.received();
    try {
      this.#parser.push(bytes);
    } catch (error) {
      this.#refuse(error);
    }
    if (this.output.backlog > MAXIMUM_BACKLOG_BYTES) this.cut();
  }

  #onFrame(frame: Frame): void {
    const { counters, faults } = this.#context;
    counters.frames += 1;
    this.output.delayMs = faults.plan.delayMs ?? 0;
    const moment = faults.takeCut(frame.command);
    if (moment === 'before-frame') {
      this.cut();
      return;
    }
    try {
      this.#session.handle(frame, moment === 'before-receipt');
    } catch (error) {
      this.#refuse(error, frame);
    }
    if (moment === 'before-receipt') this.cut();
    if (moment === 'after-receipt') this.finish();
  }

  #refuse(error: unknown, frame?: Frame): void {
    if (!(error instanceof Refusal)) throw error;
    this.#session.fail(error, frame);
  }

  #checkSize(bytes: number): void {
    const { closeOver = Number.POSITIVE_INFINITY, refuseOver = Number.POSITIVE_INFINITY } = this.#context.faults.plan;
    if (bytes > closeOver) throw new Refusal('The frame is too large', { wordless: true });
    if (bytes > refuseOver || bytes > this.#context.settings.maxFrameSize) throw new Refusal('The frame is too large');
  }

  #missed(): void {
    if (this.#silent || this.#state !== 'open') return;
    this.#context.counters.missedHeartbeats += 1;
    this.#session.fail(new Refusal('No heart-beat'));
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#lingering);
    this.#parser.stop();
    this.#heartbeat?.stop();
    this.output.stop();
    const { info } = this;
    this.#session.close();
    if (this.#version !== undefined) {
      this.#context.counters.disconnects += 1;
      this.#context.events.emit('disconnect', info);
    }
    this.#onClose();
  }
}
