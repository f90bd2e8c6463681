import type { StatusFeed } from '../status.js';
import { brokerWarnings, type Warning } from './dialect.js';
import type { Session } from './session.js';
import type { Settings } from './settings.js';

/** Tells of each connection, and once of each broker what an operator should know of it. */
export class Announcer {
  readonly #status: StatusFeed;
  readonly #settings: Settings;
  readonly #more: (server: string) => readonly Warning[];
  readonly #told = new Set<string>();

  /** `more`: warnings besides those that concern everybody. */
  constructor(status: StatusFeed, settings: Settings, more: (server: string) => readonly Warning[] = () => []) {
    this.#status = status;
    this.#settings = settings;
    this.#more = more;
  }

  announce(session: Session): void {
    const { name: broker, greeting } = session;
    const { version, server, intervals, certificateExpires } = greeting;
    this.#status.emit({
      type: 'connected',
      broker,
      server,
      version,
      heartbeatMs: intervals,
      ...(certificateExpires ? { certificateExpires } : {}),
    });
    for (const { code, message } of this.#warnings(session)) {
      const key = `${broker} ${code}`;
      if (this.#told.has(key)) continue;
      this.#told.add(key);
      this.#status.emit({ type: 'warning', broker, code, message: `${broker}: ${message}` });
    }
  }

  *#warnings({ greeting }: Session): Iterable<Warning> {
    const { heartbeatMs, passcode } = this.#settings;
    const { server, intervals, encrypted } = greeting;
    if (heartbeatMs > 0 && intervals.incoming === 0)
      yield { code: 'heartbeat-off', message: 'the broker sends no heart-beats: a dead connection is noticed late' };
    if (passcode !== undefined && !encrypted) yield { code: 'passcode-in-clear', message: 'the passcode is sent without TLS' };
    yield* brokerWarnings(server, this.#settings);
    yield* this.#more(server);
  }
}
