import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startCommand } from '../child.js';
import type { Scope } from '../scope.js';
import { eventually } from '../wait.js';
import type { BrokerKind, RealBroker } from './broker.js';
import { PlainStomp } from './plain-stomp.js';

/** Java and Erlang take their time on a busy machine. */
const START_MS = 120_000;
const STOP_MS = 60_000;
const LOG_CHARACTERS = 4000;

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What a product's own file knows of it. */
export interface Product {
  readonly kind: BrokerKind;
  readonly tlsPort: number;
  readonly plainPort: number;
  readonly headers: readonly string[];
  readonly largestMessage: number | undefined;
  /** So long it must be left alone before it may be killed; see docs/brokers.md. */
  readonly settleMs?: number;
  /** Becomes the broker itself: whatever it starts with, it ends in exec. */
  readonly command: Command;
  /** What is to be done once, when it runs for the first time. */
  readonly complete?: () => Promise<unknown>;
  depth(queue: string): Promise<number>;
  /** Messages of a queue that it gives to nobody, where that can happen. */
  readonly stuck?: (queue: string) => Promise<number>;
  /** More of a queue than its depth, in the product's own words. */
  readonly about?: (queue: string) => Promise<string>;
  /** Runs the product's own command with these arguments, where it has one (`rabbitmqctl`); its output. */
  readonly control?: (...args: readonly string[]) => Promise<string>;
}

/** The accounts of docs/brokers.md. */
const SERVICE = { login: 'ssm', passcode: 'change-me' } as const;
export const OPERATOR = { login: 'operator', passcode: 'change-me-too' } as const;

/** Clean-ups, the last one first: a process is ended before its directory is removed. */
export function lastFirst(scope: Scope): Scope {
  const cleanUps: (() => void | Promise<void>)[] = [];
  scope.after(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  });
  return { after: (cleanUp) => void cleanUps.push(cleanUp) };
}

/** Starts a command that ends when this process does, even by SIGKILL. */
export async function startTied(scope: Scope, { file, args, env }: Command): Promise<Child> {
  // A parent that died before the signal was asked for is noticed by its id.
  const guard = `[ "$PPID" = "$0" ] || exit 1; exec "$@"`;
  const tied = ['--pdeathsig', 'KILL', 'sh', '-c', guard, String(process.pid), file, ...args];
  return await startCommand(scope, 'setpriv', tied, env === undefined ? {} : { env });
}

export class LaunchedBroker implements RealBroker {
  readonly host = '127.0.0.1';
  readonly login = SERVICE.login;
  readonly passcode = SERVICE.passcode;
  readonly kind: BrokerKind;
  readonly tlsPort: number;
  readonly plainPort: number;
  readonly url: string;
  readonly plainUrl: string;
  readonly headers: readonly string[];
  readonly largestMessage: number | undefined;
  title = '';
  readonly #scope: Scope;
  readonly #product: Product;
  readonly #children: Child[] = [];

  constructor(scope: Scope, product: Product) {
    this.#scope = scope;
    this.#product = product;
    this.kind = product.kind;
    this.tlsPort = product.tlsPort;
    this.plainPort = product.plainPort;
    this.url = `stomp+ssl://${this.host}:${product.tlsPort}`;
    this.plainUrl = `stomp://${this.host}:${product.plainPort}`;
    this.headers = product.headers;
    this.largestMessage = product.largestMessage;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get #child(): Child {
    const child = this.#children.at(-1);
    if (child === undefined) throw new Error(`${this.kind} was never started`);
    return child;
  }

  log(): string {
    return this.#children.map((child) => child.output()).join('');
  }

  depth(queue: string): Promise<number> {
    return this.#product.depth(queue);
  }

  get stuck(): RealBroker['stuck'] {
    return this.#product.stuck;
  }

  async about(queue: string): Promise<string> {
    const { about } = this.#product;
    return about === undefined ? `${await this.depth(queue)} messages` : await about(queue);
  }

  async control(...args: readonly string[]): Promise<string> {
    const { control } = this.#product;
    if (control === undefined) throw new Error(`${this.kind} has no command of its own`);
    return await control(...args);
  }

  async start(): Promise<void> {
    const child = await startTied(this.#scope, this.#product.command);
    this.#children.push(child);
    const greeting = await eventually(() => this.#greeting(child), { timeout: START_MS, interval: 200, what: `${this.kind} answering` });
    if (greeting === 'ended') throw new Error(`${this.kind} ended:\n${child.output().slice(-LOG_CHARACTERS)}`);
    this.title = greeting.split(' ')[0]?.replace('ActiveMQ-', '').replace('/', ' ') ?? '';
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async kill(): Promise<void> {
    await sleep(this.#product.settleMs ?? 0);
    await this.#end('SIGKILL');
  }

  /** What it calls itself, when it takes a login; false while it does not answer. */
  async #greeting(child: Child): Promise<string | false> {
    if (child.exit !== undefined) return 'ended';
    const stomp = await PlainStomp.open({ host: this.host, port: this.plainPort }, this.login, this.passcode).catch(() => undefined);
    stomp?.close();
    return stomp?.server ?? false;
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    child.signal(signal);
    await eventually(() => child.exit !== undefined, { timeout: STOP_MS, what: `the end of ${this.kind} by ${signal}` });
  }
}
