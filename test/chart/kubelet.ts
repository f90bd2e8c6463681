import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { type Child, type Scope, startCommand, temporaryDirectory } from '@ssm/test-support';
import { root } from '../support/services.js';
import type { Container, Item, Manifest, PodSpec, Volume } from './helm.js';

// Does what a kubelet does with a rendered pod, so far as Linux alone can: projects ConfigMaps and Secrets, mounts, and starts the service's
// container with its user, capabilities and read-only root, in a mount namespace of its own. The network is the machine's.

/** Contents of a ConfigMap or Secret by key. */
export type Data = Readonly<Record<string, string | Buffer>>;

export interface Cluster {
  /** ConfigMaps and Secrets that the manifests do not have, by name. */
  readonly objects: Readonly<Record<string, Data>>;
  /** Directories behind claims, by the name of the claim, or of the volume for a claim of a StatefulSet. */
  readonly claims: Readonly<Record<string, string>>;
}

export interface RunningPod {
  readonly child: Child;
  /** Gives a mounted ConfigMap or Secret other contents, as a kubelet does some time after the object has changed. */
  update(volume: string, data: Data): void;
}

interface Owner {
  readonly user: number;
  readonly group: number;
}

/** The directory of a ConfigMap or Secret: names that are links into `..data`, itself a link to a dated directory, which is replaced by a rename. */
class Projected {
  readonly directory: string;
  readonly #mode: number;
  readonly #items: readonly Item[] | undefined;
  readonly #group: number;
  #version = 0;

  constructor(directory: string, options: { readonly mode: number; readonly items: readonly Item[] | undefined; readonly group: number }) {
    this.directory = directory;
    this.#mode = options.mode;
    this.#items = options.items;
    this.#group = options.group;
    mkdirSync(directory);
    give(directory, 0o2755, options.group);
  }

  write(data: Data): void {
    const files = this.#items === undefined ? Object.entries(data) : this.#items.map(({ key, path: name }) => [name, data[key]] as const);
    this.#version += 1;
    const dated = `..2026_01_01_00_00_00.${this.#version}`;
    mkdirSync(path.join(this.directory, dated));
    give(path.join(this.directory, dated), 0o2755, this.#group);
    for (const [name, content] of files) {
      if (content === undefined) throw new Error(`${this.directory}: there is no key for ${name}`);
      writeFileSync(path.join(this.directory, dated, name), content);
      give(path.join(this.directory, dated, name), this.#mode | 0o440, this.#group);
    }
    symlinkSync(dated, path.join(this.directory, '..data_tmp'));
    renameSync(path.join(this.directory, '..data_tmp'), path.join(this.directory, '..data'));
    for (const [name] of files) this.#link(name);
    for (const old of readdirSync(this.directory))
      if (old.startsWith('..2026') && old !== dated) rmSync(path.join(this.directory, old), { recursive: true });
  }

  #link(name: string): void {
    const link = path.join(this.directory, name);
    if (!readdirSync(this.directory).includes(name)) symlinkSync(path.join('..data', name), link);
  }
}

function give(file: string, mode: number, group: number): void {
  chownSync(file, 0, group);
  chmodSync(file, mode);
}

/** Data of the ConfigMaps among the manifests, and of the cluster's objects. */
function objectsOf(manifests: readonly Manifest[], { objects }: Cluster): Readonly<Record<string, Data>> {
  const rendered = manifests.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata, data }) => [metadata.name, data as Data] as const);
  return { ...Object.fromEntries(rendered), ...objects };
}

function project(
  volume: Volume,
  directory: string,
  context: { objects: Readonly<Record<string, Data>>; group: number },
): Projected | undefined {
  const name = volume.configMap?.name ?? volume.secret?.secretName;
  if (name === undefined) return undefined;
  const data = context.objects[name];
  if (data === undefined) throw new Error(`there is no ConfigMap or Secret ${name}`);
  const mode = volume.secret?.defaultMode ?? 0o644;
  const projected = new Projected(directory, { mode, items: (volume.configMap ?? volume.secret)?.items, group: context.group });
  projected.write(data);
  return projected;
}

/** A directory that the pod's group owns, as fsGroup makes it of a volume. */
export function claimDirectory(directory: string, group: number): string {
  mkdirSync(directory, { recursive: true });
  give(directory, 0o2775, group);
  return directory;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

interface Bind {
  readonly from: string;
  readonly to: string;
  readonly readOnly: boolean;
}

/** Shell lines that build the root of the container below `base`: a tmpfs that is read-only in the end. */
function mountScript(base: string, binds: readonly Bind[], readOnlyRoot: boolean): string[] {
  const lines = [`mount -t tmpfs tmpfs ${quoted(base)}`];
  for (const { from, to, readOnly } of binds) {
    const target = quoted(path.join(base, to));
    lines.push(`if [ -d ${quoted(from)} ]; then mkdir -p ${target}; else mkdir -p "$(dirname ${target})" && touch ${target}; fi`);
    lines.push(`mount --rbind ${quoted(from)} ${target}`);
    if (readOnly) lines.push(`mount -o remount,bind,ro ${target}`);
  }
  return readOnlyRoot ? [...lines, `mount -o remount,ro ${quoted(base)}`] : lines;
}

const SYSTEM = ['/usr', '/bin', '/lib', '/lib64', '/etc/ld.so.cache', '/proc', '/dev'];
/** Where the image has the code, and its node. */
const IMAGE: readonly Bind[] = [
  { from: root, to: '/opt/ssm', readOnly: true },
  { from: process.execPath, to: '/opt/bin/node', readOnly: true },
];

interface Security {
  readonly readOnlyRootFilesystem?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly capabilities?: { readonly drop?: readonly string[] };
}

function setpriv({ user, group }: Owner, security: Security): string[] {
  const capabilities = security.capabilities?.drop?.includes('ALL') === true ? ['--inh-caps=-all', '--bounding-set=-all'] : [];
  const escalation = security.allowPrivilegeEscalation === false ? ['--no-new-privs'] : [];
  return ['setpriv', `--reuid=${user}`, `--regid=${group}`, `--groups=${group}`, ...capabilities, ...escalation];
}

function environment(container: Container, podName: string): string[] {
  const own = (container.env ?? []).map(({ name, value, valueFrom }) => `${name}=${valueFrom === undefined ? (value ?? '') : podName}`);
  return ['PATH=/opt/bin:/usr/bin:/usr/sbin', 'NODE_ENV=production', ...own];
}

export interface PodOptions {
  readonly name: string;
  readonly manifests: readonly Manifest[];
  readonly cluster: Cluster;
}

/** The volumes of a pod: made where no claim gives them, shared by its containers. */
class Volumes {
  readonly projections = new Map<string, Projected>();
  readonly #directories = new Map<string, string>();

  constructor(spec: PodSpec, folder: string, { manifests, cluster }: PodOptions) {
    const { fsGroup: group } = identityOf(spec);
    const context = { objects: objectsOf(manifests, cluster), group };
    // A StatefulSet declares the volume of its claims elsewhere.
    for (const [name, directory] of Object.entries(cluster.claims)) this.#directories.set(name, directory);
    for (const volume of spec.volumes ?? []) {
      const directory = path.join(folder, volume.name);
      const projected = project(volume, directory, context);
      if (projected !== undefined) this.projections.set(volume.name, projected);
      const claim = volume.persistentVolumeClaim?.claimName;
      if (claim !== undefined) this.#directories.set(volume.name, this.#of(claim));
      else this.#directories.set(volume.name, projected?.directory ?? claimDirectory(directory, group));
    }
  }

  binds({ volumeMounts = [] }: Container): Bind[] {
    return volumeMounts.map(({ name, mountPath: to, readOnly = false }) => ({ from: this.#of(name), to, readOnly }));
  }

  #of(name: string): string {
    const directory = this.#directories.get(name);
    if (directory === undefined) throw new Error(`there is no volume or claim ${name}`);
    return directory;
  }
}

const identityOf = ({ securityContext }: PodSpec): { readonly runAsUser: number; readonly fsGroup: number } =>
  securityContext as { runAsUser: number; fsGroup: number };

/** Starts the first container of a pod, when its init containers have ended well. Their images are all this checkout and this Node. */
export async function startPod(scope: Scope, spec: PodSpec, options: PodOptions): Promise<RunningPod> {
  const volumes = new Volumes(spec, temporaryDirectory(scope), options);
  const start = async (container: Container): Promise<Child> => {
    const script = containerScript(container, identityOf(spec), {
      base: temporaryDirectory(scope),
      binds: volumes.binds(container),
      name: options.name,
    });
    return await startCommand(scope, 'unshare', ['--mount', '--propagation', 'private', 'sh', '-euc', script]);
  };
  for (const container of spec.initContainers ?? []) {
    const child = await start(container);
    const { code } = await child.exited;
    if (code !== 0) throw new Error(`${container.name} ended with ${code}: ${child.output()}`);
  }
  const child = await start(spec.containers[0]!);
  return { child, update: (volume, data) => volumes.projections.get(volume)!.write(data) };
}

function containerScript(
  container: Container,
  { runAsUser: user, fsGroup: group }: ReturnType<typeof identityOf>,
  { base, binds, name }: { readonly base: string; readonly binds: readonly Bind[]; readonly name: string },
): string {
  const system = SYSTEM.map((each) => ({ from: each, to: each, readOnly: false }));
  const security = (container.securityContext ?? {}) as Security;
  // What the image's entry point starts.
  const command = container.command ?? ['node', '/opt/ssm/scripts/start.cjs'];
  const inside = [
    ...setpriv({ user, group }, security),
    'env',
    '-i',
    ...environment(container, name),
    ...command,
    ...(container.args ?? []),
  ];
  const mount = mountScript(base, [...system, ...IMAGE, ...binds], security.readOnlyRootFilesystem === true);
  return [...mount, `exec ${['chroot', base, ...inside].map(quoted).join(' ')}`].join('\n');
}
