import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { argoLibraryPath, PYTHON, type Scope } from '@ssm/test-support';
import { root } from './services.js';

/** How it finds its way to a server. */
export type LibraryStart = {
  readonly endpoint: string;
  readonly project: string;
  /** PEM file. */
  readonly ca: string;
} & ({ readonly token: string } | { readonly certificate: string; readonly key: string; readonly authPort: number });

export interface LibraryMessage {
  readonly ackId: string;
  readonly id: string | null;
  readonly body: Buffer;
}

type Answer = Readonly<Record<string, unknown>>;

/** A client of AMS that was written elsewhere, in a process of its own. */
export class ArgoLibrary {
  readonly token: string;
  readonly #ask: (command: object) => Promise<Answer>;

  private constructor(token: string, ask: (command: object) => Promise<Answer>) {
    this.token = token;
    this.#ask = ask;
  }

  static async start(scope: Scope, options: LibraryStart): Promise<ArgoLibrary> {
    const env = { ...process.env, PYTHONPATH: argoLibraryPath(), REQUESTS_CA_BUNDLE: options.ca };
    const child = spawn(PYTHON, [path.join(root, 'test/support/argo-library.py')], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const closed = once(child, 'close');
    scope.after(async () => {
      child.kill('SIGKILL');
      await closed;
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const ask = async (command: object): Promise<Answer> => {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      const { done, value } = await lines.next();
      if (done === true) throw new Error('the library ended');
      return JSON.parse(value) as Answer;
    };
    const { token } = await ask(options);
    return new ArgoLibrary(String(token), ask);
  }

  /** As it comes, errors of the service included. */
  ask(name: string, more: object): Promise<Answer> {
    return this.#ask({ name, ...more });
  }

  /** `id` null: without the attribute. */
  async publish(topic: string, messages: readonly { readonly id: string | null; readonly body: Uint8Array }[]): Promise<Answer> {
    const encoded = messages.map(({ id, body }) => ({ id, body: Buffer.from(body).toString('base64') }));
    return this.ask('publish', { topic, messages: encoded });
  }

  async pull(subscription: string, count: number): Promise<LibraryMessage[]> {
    const { messages } = (await this.ask('pull', { subscription, count })) as { messages: { ackId: string; id: string; body: string }[] };
    return messages.map(({ ackId, id, body }) => ({ ackId, id, body: Buffer.from(body, 'base64') }));
  }
}
