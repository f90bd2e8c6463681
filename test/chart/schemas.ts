import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../support/services.js';
import type { Manifest } from './helm.js';

// Manifests against the schemas of the API: installed by scripts/chart-schemas.mjs.

const MODELS = path.join(root, 'node_modules', '.cache', 'ssm-chart-schemas', 'node_modules');

/** The APIs that the chart may use, each with the package that knows it: all are served by every Kubernetes since 1.27, or by the operator. */
const APIS: Readonly<Record<string, string>> = {
  v1: 'kubernetes-models',
  'apps/v1': 'kubernetes-models',
  'batch/v1': 'kubernetes-models',
  'policy/v1': 'kubernetes-models',
  'networking.k8s.io/v1': 'kubernetes-models',
  'cert-manager.io/v1': '@kubernetes-models/cert-manager',
  'keda.sh/v1alpha1': '@kubernetes-models/keda',
  'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator',
};

/** A class with the compiled validator of a kind: it throws what it finds wrong with `this`. */
interface KindClass {
  readonly prototype: { validate(this: unknown): void };
}

async function classOf({ apiVersion, kind }: Manifest): Promise<KindClass> {
  const library = APIS[apiVersion];
  if (library === undefined) throw new Error(`${apiVersion} is no API that the chart may use`);
  // The file of one kind: loading a whole library takes seconds.
  const file = path.join(MODELS, library, apiVersion, kind);
  const found = [`${file}.mjs`, `${file}.js`].find((candidate) => existsSync(candidate));
  if (found === undefined) throw new Error(`${apiVersion} has no ${kind}`);
  const loaded = (await import(pathToFileURL(found).href)) as Record<string, KindClass>;
  return loaded[kind]!;
}

/**
 * An object that notes which of its keys were asked for. The compiled validators ask for every key that their schema names, and for all keys of
 * free maps; a key that nobody asked for is a key that the schema does not have.
 */
function watched(value: unknown, where: string, unasked: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const children = Object.fromEntries(Object.entries(value).map(([key, child]) => [key, watched(child, `${where}.${key}`, unasked)]));
  for (const key of Object.keys(children)) unasked.add(`${where}.${key}`);
  return new Proxy(value, {
    get: (target, key) => {
      unasked.delete(`${where}.${String(key)}`);
      return typeof key === 'string' && Object.hasOwn(children, key) ? children[key] : (Reflect.get(target, key) as unknown);
    },
  });
}

/** What is wrong with a manifest; empty: nothing. */
export async function faultsOf(manifest: Manifest): Promise<string[]> {
  const name = `${manifest.kind}/${manifest.metadata.name}`;
  const unasked = new Set<string>();
  try {
    const { prototype } = await classOf(manifest);
    prototype.validate.call(watched(manifest, '', unasked));
  } catch (error) {
    return [`${name}: ${error instanceof Error ? error.message : String(error)}`];
  }
  // Of a subtree that nobody knows the top is enough.
  const unknown = [...unasked].filter((key) => ![...unasked].some((other) => key.startsWith(`${other}.`)));
  return unknown.map((key) => `${name}: no schema has ${key}`);
}

/** The keys that the schema of a part of the core API has: those that its validator asks an empty object for. `name`: `Container`, `VolumeMount`. */
export async function keysOf(name: string): Promise<string[]> {
  const asked = new Set<string>();
  const file = path.join(MODELS, 'kubernetes-models', '_schemas', `IoK8sApi${name}.js`);
  const { validate } = (await import(pathToFileURL(file).href)) as { validate: (value: unknown) => boolean };
  validate(new Proxy({}, { get: (_target, key) => void asked.add(String(key)) }));
  // Asked to tell an object from a list.
  asked.delete('length');
  return [...asked].toSorted();
}
