import { spawnSync } from 'node:child_process';
import { cpSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Scope, temporaryDirectory } from '@ssm/test-support';
import { parseAllDocuments } from 'yaml';
import { CHART } from './files.js';

/** A manifest as helm renders it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Meta;
  readonly [key: string]: unknown;
}

interface Meta {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface HelmAnswer {
  readonly status: number | null;
  readonly stdout: string;
  /** What helm says of warnings and errors. */
  readonly stderr: string;
}

/** Values that are laid over the files'. */
export type Values = Readonly<Record<string, unknown>>;

/** Runs helm; `values` go in by standard input, as the last file. */
export function helm(args: readonly string[], values?: Values): HelmAnswer {
  const withValues = values === undefined ? args : [...args, '--values', '-'];
  const { status, stdout, stderr } = spawnSync('helm', withValues, { encoding: 'utf8', input: JSON.stringify(values ?? {}) });
  return { status, stdout, stderr };
}

export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text, { uniqueKeys: true, merge: false }).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(document.errors.map(({ message }) => message).join('\n'));
    return (document.toJS() as Manifest | null) ?? [];
  });
}

const RELEASE = 'site';

/** `helm template` over values files (below the chart) and values; throws with what helm says when it refuses. */
export function render(files: readonly string[], values?: Values): Manifest[] {
  const answer = template(files, values);
  if (answer.status !== 0) throw new Error(answer.stderr);
  return parseManifests(answer.stdout);
}

export function template(files: readonly string[], values?: Values, options: readonly string[] = []): HelmAnswer {
  const given = files.flatMap((file) => ['--values', `${CHART}/${file}`]);
  return helm(['template', RELEASE, CHART, '--namespace', 'accounting', ...options, ...given], values);
}

/** What NOTES.txt tells: helm shows it only when it has a cluster, so a copy of the chart makes a manifest of it. */
export function notes(scope: Scope, files: readonly string[]): string {
  const folder = path.join(temporaryDirectory(scope), 'ssm');
  cpSync(CHART, folder, { recursive: true });
  renameSync(path.join(folder, 'templates/NOTES.txt'), path.join(folder, 'files/notes'));
  writeFileSync(path.join(folder, 'templates/notes.yaml'), 'text: {{ tpl (.Files.Get "files/notes") . | quote }}\n');
  const values = files.flatMap((file) => ['--values', path.join(folder, file)]);
  const { stdout, stderr } = helm([
    'template',
    RELEASE,
    folder,
    '--namespace',
    'accounting',
    '--show-only',
    'templates/notes.yaml',
    ...values,
  ]);
  const [shown] = parseManifests(stdout);
  if (shown === undefined) throw new Error(stderr);
  return String(shown['text']);
}

/** The one manifest of a kind, whose name ends as given. */
export function one(manifests: readonly Manifest[], kind: string, ending = ''): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind && manifest.metadata.name.endsWith(ending));
  if (found.length !== 1) throw new Error(`${found.length} of ${kind} ${ending} instead of one`);
  return found[0]!;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly volumeMounts?: readonly Mount[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly readOnly?: boolean;
}

/** A volume: its name, and one source. */
export interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string; readonly items?: readonly Item[] };
  readonly secret?: { readonly secretName: string; readonly defaultMode?: number; readonly items?: readonly Item[] };
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly [source: string]: unknown;
}

export interface Item {
  readonly key: string;
  readonly path: string;
}

export interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
}

/** Specs of all pods that a manifest makes. */
export function podsOf(manifest: Manifest): PodSpec[] {
  const { kind, spec } = manifest as unknown as { kind: string; spec: Nested };
  if (kind === 'Pod') return [spec as unknown as PodSpec];
  if (kind === 'CronJob') return [spec.jobTemplate!.spec.template!.spec as unknown as PodSpec];
  return kind === 'Deployment' || kind === 'StatefulSet' ? [spec.template!.spec as unknown as PodSpec] : [];
}

interface Nested {
  readonly template?: { readonly spec: Nested };
  readonly jobTemplate?: { readonly spec: Nested };
}
