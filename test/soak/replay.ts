import path from 'node:path';
import { type Scope, startNode } from '@ssm/test-support';
import { elementPaths } from '../stage/collector.js';
import { root } from '../support/services.js';
import type { Scene } from './scene.js';

export async function rejectsOf({ rejects }: Pick<Scene, 'rejects'>): Promise<string[]> {
  return rejects.flatMap(elementPaths);
}

/** `npm start -- replay`, as an operator does after renewing a list, for every reject queue; the receivers go on. */
export async function replayAll(scope: Scope, { stage, rejects }: Scene): Promise<void> {
  const script = path.join(root, 'services', 'receiver', 'dist', 'src', 'replay-main.js');
  const receivers = stage.slots.filter(({ name }) => name.startsWith('receiver')).slice(0, rejects.length);
  for (const { name, service } of receivers) {
    const transcript = path.join(stage.world.directory, 'logs', `replay-${name}.log`);
    const child = await startNode(scope, script, ['--config', service.configFile], { transcript });
    await child.exited;
  }
}

/** An operator who looks now and then, while everything else goes on. */
export class Operator {
  replays = 0;
  readonly #scope: Scope;
  readonly #scene: Scene;
  readonly #mayReplay: () => boolean;
  readonly #timer: NodeJS.Timeout;
  #working: Promise<void> | undefined;

  constructor(scope: Scope, scene: Scene, everyMs: number, mayReplay: () => boolean) {
    this.#scope = scope;
    this.#scene = scene;
    this.#mayReplay = mayReplay;
    this.#timer = setInterval(() => {
      this.#working ??= this.#look().finally(() => {
        this.#working = undefined;
      });
    }, everyMs);
  }

  /** Resolves when a replay that is under way has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#working;
  }

  async #look(): Promise<void> {
    if (!this.#mayReplay() || (await rejectsOf(this.#scene)).length === 0) return;
    this.replays += 1;
    await replayAll(this.#scope, this.#scene);
  }
}
