import { chownSync, cpSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process, { getgid, getuid } from 'node:process';
import { elements, eventually, freePort, type Scope, type StoredElement, temporaryDirectory } from '@ssm/test-support';
import { root, type ServiceName, sampleOf } from '../support/services.js';
import { buildImage, type Output, run } from './docker.js';

/** A stack that does not come up in this time on a loaded machine has a fault. */
const UP_SECONDS = 240;

/** What a person has who runs the stack: the compose file and what it mounts. Sources are left out: the images are built before. */
const FILES = ['docker-compose.yml', 'deploy'];

const PORTS = ['SENDER', 'RECEIVER', 'BROKER', 'MANAGEMENT', 'ACTIVEMQ', 'PROMETHEUS', 'GRAFANA'] as const;

export interface StackOptions {
  /** For the file .env. */
  readonly env?: Readonly<Record<string, string>>;
  readonly profiles?: readonly string[];
}

let made = 0;

/** One project of Compose in a folder and on ports of its own. Everything of it is removed when the test ends. */
export class Stack {
  readonly directory: string;
  readonly #name: string;
  readonly #profiles: readonly string[];
  readonly #ports = new Map<string, number>();

  private constructor(directory: string, name: string, profiles: readonly string[]) {
    this.directory = directory;
    this.#name = name;
    this.#profiles = profiles;
  }

  /** Builds the images where needed; starts nothing yet. */
  static async create(scope: Scope, { env = {}, profiles = [] }: StackOptions = {}): Promise<Stack> {
    const directory = temporaryDirectory(scope);
    made += 1;
    const stack = new Stack(directory, `ssm-image-test-${process.pid}-${made}`, profiles);
    for (const file of FILES) stack.copy(file);
    const tools = await buildImage(scope, 'tools');
    const images = { SSM_IMAGE: await buildImage(scope, 'ssm'), SSM_TOOLS_IMAGE: tools };
    for (const port of PORTS) stack.#ports.set(port, await freePort());
    const ports = Object.fromEntries([...stack.#ports].map(([name, port]) => [`SSM_${name}_PORT`, String(port)]));
    stack.configure({ ...ownUser(), ...images, ...ports, ...env });
    scope.after(async () => {
      await stack.compose('--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '5');
      // What the containers wrote may belong to others.
      const args = ['run', '--rm', '--network', 'none', '--volume', `${directory}:/made`, '--entrypoint', 'find', tools];
      await run('docker', [...args, '/made', '-mindepth', '1', '-delete']);
    });
    return stack;
  }

  /** Writes the file .env. */
  configure(env: Readonly<Record<string, string>>): void {
    this.env = { ...this.env, ...env };
    const lines = Object.entries(this.env).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(path.join(this.directory, '.env'), lines.join(''));
  }
  env: Readonly<Record<string, string>> = {};

  /** Takes a file or folder of the checkout. */
  copy(file: string): void {
    cpSync(path.join(root, file), this.file(file), { recursive: true });
  }

  file(...parts: readonly string[]): string {
    return path.join(this.directory, ...parts);
  }

  port(name: (typeof PORTS)[number]): number {
    return this.#ports.get(name) ?? 0;
  }

  /** `docker compose ARGS` in the folder, whatever comes of it. */
  compose(...args: readonly string[]): Promise<Output> {
    const profiles = this.#profiles.flatMap((profile) => ['--profile', profile]);
    return run('docker', ['compose', '--project-name', this.#name, '--ansi', 'never', ...profiles, ...args], { cwd: this.directory });
  }

  /** As {@link compose}; rejects with the logs when it fails. */
  async must(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.compose(...args);
    if (code === 0) return stdout.trim();
    throw new Error(`docker compose ${args.join(' ')}: exit ${code}\n${stdout}${stderr}\n${await this.logs()}`);
  }

  /** Starts the stack, or the services named, and waits until they are healthy. */
  async up(...services: readonly string[]): Promise<void> {
    await this.must('up', '--detach', '--no-build', '--quiet-pull', '--wait', '--wait-timeout', String(UP_SECONDS), ...services);
  }

  async logs(...services: readonly string[]): Promise<string> {
    return (await this.compose('logs', '--no-color', '--tail', '60', ...services)).stdout;
  }

  /** Standard output of a command in a service's container. */
  exec(service: string, ...command: readonly string[]): Promise<string> {
    return this.must('exec', '--no-TTY', service, ...command);
  }

  /** Id of a service's container. */
  container(service: string): Promise<string> {
    return this.must('ps', '--all', '--quiet', service);
  }

  async metrics(service: ServiceName): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.port(service === 'sender' ? 'SENDER' : 'RECEIVER')}/metrics`)).text();
  }

  async metric(service: ServiceName, name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return sampleOf(await this.metrics(service), name, labels);
  }

  /** As a person does it: a file appears in ./outgoing. */
  drop(name: string, body: Uint8Array): void {
    const writing = this.file(`writing-${name}`);
    writeFileSync(writing, body);
    renameSync(writing, this.file('outgoing', name));
  }

  stored(): Promise<StoredElement[]> {
    return elements(this.file('incoming'));
  }

  /** Waits for files with these bodies in ./incoming; each must be there once, under its name. */
  async arrived(files: ReadonlyMap<string, Uint8Array>, timeout = 90_000): Promise<void> {
    await eventually(
      async () => {
        const stored = await this.stored();
        for (const [name, body] of files) {
          const found = stored.filter(({ keys }) => keys['empaid']?.toString() === name);
          if (found.length === 0) throw new Error(`${name} has not arrived`);
          if (found.length > 1) throw new Error(`${name} is there ${found.length} times`);
          if (found[0]?.keys['body']?.equals(body) !== true) throw new Error(`${name} arrived altered`);
        }
      },
      { timeout, interval: 250, what: `${files.size} files in incoming` },
    ).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await this.logs('sender', 'receiver')}`, { cause: error });
    });
  }

  /** A folder as a person makes it beforehand. */
  folder(name: string, owner: number, mode = 0o755): void {
    mkdirSync(this.file(name), { mode });
    chownSync(this.file(name), owner, owner);
  }
}

/** The services run as whoever runs the tests, so that the folders are theirs; for root as the stack does by itself. */
function ownUser(): Record<string, string> {
  const [uid, gid] = [getuid?.() ?? 0, getgid?.() ?? 0];
  return uid === 0 ? {} : { SSM_UID: String(uid), SSM_GID: String(gid) };
}

/** Gives Prometheus text to its own linter; what it complains of. */
export async function lint(metrics: string): Promise<string> {
  const { code, stdout, stderr } = await run('promtool', ['check', 'metrics'], { input: metrics });
  return code === 0 ? '' : `${stdout}${stderr}`;
}
