/** The configuration that a service would have, for the tools. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type ReceiverConfig, receiverSettings } from '@ssm/receiver';
import { type SenderConfig, senderSettings } from '@ssm/sender';
import { type ConfigSources, describeSettings, loadConfig, type Preset, sourceOf, unusedParts } from '@ssm/service-kit';
import type { ServiceName } from '../classic/keys.js';
import { kindOf, readConfigFile, readServiceConfig } from '../classic/source.js';
import { parseIni } from '../ini/parse.js';
import { type Given, UsageError } from './command.js';
import { complain, type Terminal } from './terminal.js';

export const SERVICES: readonly ServiceName[] = ['sender', 'receiver'];
export const DEFAULT_FILES: Readonly<Record<ServiceName, readonly string[]>> = {
  sender: ['/etc/apel/sender.cfg', '/etc/ssm/sender.yaml'],
  receiver: ['/etc/apel/receiver.cfg', '/etc/ssm/receiver.yaml'],
};
/** One of these is needed whatever the transport: where it is set the environment is a configuration. */
const NEEDED = ['SSM_BROKER_DESTINATION', 'SSM_AMS_PROJECT'] as const;

interface LoadedFrom {
  /** undefined: the environment alone. */
  readonly file: string | undefined;
  readonly warnings: readonly string[];
  /** The file is one of the Python SSM. */
  readonly isClassic: boolean;
  /** Options of the service, from those of the tool. */
  readonly args: readonly string[];
  /** Where the value of a setting comes from; undefined: it is the default. */
  readonly sourceOf: (key: string) => string | undefined;
}
export type LoadedSender = LoadedFrom & { readonly service: 'sender'; readonly config: SenderConfig };
export type LoadedReceiver = LoadedFrom & { readonly service: 'receiver'; readonly config: ReceiverConfig };
export type Loaded = LoadedSender | LoadedReceiver;

/** The file of -c, of SSM_CONFIG, or the default that is there; undefined: the environment says enough. Throws UsageError. */
export function configFile(given: Given, { env }: Terminal, wanted: ServiceName | undefined): string | undefined {
  const named = given.text('config') ?? namedFile(env);
  if (named !== undefined) return named;
  const services = wanted === undefined ? SERVICES : [wanted];
  const found = services.flatMap((service) => firstFile(service) ?? []);
  if (found.length > 1) throw new UsageError(`there are ${found.join(' and ')}: say which with -c`);
  if (found.length === 1 || saysEnough(env)) return found[0];
  const places = services.flatMap((service) => DEFAULT_FILES[service]).join(', ');
  throw new UsageError(`no configuration: give one with -c (${places} are not there, nor is ${NEEDED.join(' or ')} set)`);
}

/**
 * What there is without -c: the file that SSM_CONFIG names, else that of each service, else the environment where it says whose it is.
 * Throws ServiceError config-unreadable.
 */
export function configuredServices(given: Given, { env }: Terminal, files = DEFAULT_FILES): ReadonlyMap<ServiceName, string | undefined> {
  const named = namedFile(env);
  if (named !== undefined) return new Map([[serviceOf(given, named, { env }), named]]);
  const found = SERVICES.flatMap((service) => {
    const file = firstFile(service, files);
    return file === undefined ? [] : [[service, file] as const];
  });
  if (found.length > 0 || !saysEnough(env)) return new Map(found);
  const service = serviceIn(env);
  return new Map(service === undefined ? [] : [[service, undefined]]);
}

function namedFile({ SSM_CONFIG: variable = '' }: Terminal['env']): string | undefined {
  return variable === '' ? undefined : variable;
}

/** Of a service the first, as its command takes it. */
function firstFile(service: ServiceName, files = DEFAULT_FILES): string | undefined {
  return files[service].find((file) => existsSync(file));
}

function saysEnough(env: Terminal['env']): boolean {
  return NEEDED.some((name) => (env[name] ?? '') !== '');
}

/** Throws ServiceError config-invalid, config-unreadable. */
export function loadFor(file: string | undefined, service: ServiceName, given: Given, terminal: Terminal): Loaded {
  return service === 'sender' ? senderFrom(file, given, terminal) : receiverFrom(file, given, terminal);
}

function senderFrom(file: string | undefined, given: Given, { env }: Terminal): LoadedSender {
  if (given.has('dn_file')) throw new UsageError('--dn_file: only a receiver has a list of DNs');
  const { preset, sources } = sourcesFor(file, 'sender', env);
  const all = { ...sources, args: [] };
  return {
    service: 'sender',
    file,
    config: loadConfig(senderSettings, all),
    warnings: unusedParts(senderSettings, all),
    isClassic: preset !== undefined,
    args: [],
    sourceOf: (key) => sourceOf(senderSettings, all, key),
  };
}

function receiverFrom(file: string | undefined, given: Given, { env }: Terminal): LoadedReceiver {
  const { preset, sources } = sourcesFor(file, 'receiver', env);
  const list = given.text('dn_file');
  const args = list === undefined ? [] : [`--authorisation.allow=${list}`];
  const all = { ...sources, args };
  return {
    service: 'receiver',
    file,
    config: loadConfig(receiverSettings, all),
    warnings: unusedParts(receiverSettings, all),
    isClassic: preset !== undefined,
    args,
    sourceOf: (key) => sourceOf(receiverSettings, all, key),
  };
}

function sourcesFor(
  file: string | undefined,
  service: ServiceName,
  env: ConfigSources['env'],
): { readonly sources: Omit<ConfigSources, 'args'>; readonly preset: Preset | undefined } {
  if (file === undefined) return { sources: { env }, preset: undefined };
  const { preset } = readServiceConfig(file, service);
  if (preset === undefined) return { sources: { env, file }, preset };
  // An old file does not say it, and a run of ssmsend has another port than the sender has by default.
  const isSender = service === 'sender';
  const values = new Map([...(isSender ? [['ops.port', { source: 'ssmsend', raw: '0' }] as const] : []), ...preset.values]);
  return { sources: { env, preset: { ...preset, values } }, preset };
}

/** By --service; else by what the file holds; else by its name. Throws ServiceError config-unreadable, UsageError. */
export function serviceOf(given: Given, file: string | undefined, { env }: Pick<Terminal, 'env'>): ServiceName {
  const asked = given.text('service');
  if (asked === 'sender' || asked === 'receiver') return asked;
  if (file === undefined) {
    const service = serviceIn(env);
    if (service === undefined) throw new UsageError('the environment does not say whose configuration it is: give --service');
    return service;
  }
  const bytes = readConfigFile(file);
  const text = bytes.toString('utf8');
  const names = kindOf(file, bytes) === 'ini' ? [...parseIni(text).sections.keys()] : keysAtTop(text);
  if (names.some((name) => ['receiver', 'daemon', 'incoming', 'reject', 'authorisation'].includes(name))) return 'receiver';
  if (names.some((name) => ['sender', 'outgoing', 'encryption'].includes(name))) return 'sender';
  return /recei/i.test(path.basename(file)) ? 'receiver' : 'sender';
}

/** By the variables that only one of the two services has; undefined: they do not say. */
function serviceIn(env: Terminal['env']): ServiceName | undefined {
  const [sender, receiver] = [senderSettings, receiverSettings].map((settings) => describeSettings(settings).map(({ env: name }) => name));
  const isSet = (names: readonly string[] = [], others: readonly string[] = []): boolean =>
    names.some((name) => env[name] !== undefined && !others.includes(name));
  const isSender = isSet(sender, receiver);
  if (isSender === isSet(receiver, sender)) return undefined;
  return isSender ? 'sender' : 'receiver';
}

/** Roughly: enough to tell the two services apart. */
function keysAtTop(text: string): string[] {
  return [...text.matchAll(/(?:^|[{,]\s*)"?([a-z]+)"?\s*:/gm)].map(([, name = '']) => name);
}

/** Warnings go to standard error. Throws UsageError, ServiceError. */
export function loadGiven(given: Given, terminal: Terminal): Loaded {
  const file = configFile(given, terminal, undefined);
  return warned(loadFor(file, serviceOf(given, file, terminal), given, terminal), terminal);
}

export function loadSender(given: Given, terminal: Terminal): LoadedSender {
  return warned(senderFrom(configFile(given, terminal, 'sender'), given, terminal), terminal);
}

export function loadReceiver(given: Given, terminal: Terminal): LoadedReceiver {
  return warned(receiverFrom(configFile(given, terminal, 'receiver'), given, terminal), terminal);
}

function warned<L extends Loaded>(loaded: L, terminal: Terminal): L {
  for (const warning of loaded.warnings) complain(terminal, `warning: ${warning}`);
  return loaded;
}
