/** A site and a server as the Python SSM leaves them: INI files, a list of DNs, directories, a PKI, and a broker with mutual TLS. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DevBroker, startDevBroker } from '@ssm/devbroker';
import { NormalReader, SimpleWriter } from '@ssm/spool';
import {
  type Child,
  type ChildOptions,
  createDemoPki,
  type DemoPki,
  namesInDirq,
  type Scope,
  startNode,
  temporaryDirectory,
} from '@ssm/test-support';

export type Command = 'ssm' | 'ssmsend' | 'ssmreceive';

export const DESTINATION = '/queue/accounting';

const script = (command: Command): string => fileURLToPath(new URL(`../../src/${command}.js`, import.meta.url));

export interface OldSite {
  readonly directory: string;
  readonly pki: DemoPki;
  readonly broker: DevBroker;
  readonly outgoing: string;
  readonly incoming: string;
  readonly reject: string;
  readonly dns: string;
  /** Lines that replace those that begin with the same key, or are added to their section: `broker.port: 1`. */
  senderConfig(changes?: Readonly<Record<string, string | undefined>>): string;
  receiverConfig(changes?: Readonly<Record<string, string | undefined>>): string;
  run(command: Command, args?: readonly string[], options?: ChildOptions): Promise<Finished>;
  start(command: Command, args?: readonly string[], options?: ChildOptions): Promise<Child>;
  add(...bodies: readonly string[]): Promise<string[]>;
  /** Names and bodies that wait in outgoing. */
  waiting(): string[];
  stored(): Promise<Stored[]>;
  rejected(): Promise<Stored[]>;
}

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export type Stored = Readonly<Record<string, string>>;

/** SSM_ variables of whoever runs the tests say nothing here. */
const CLEAN = { SSM_CONFIG: undefined, SSM_INSTANCE: undefined };

export async function createOldSite(scope: Scope): Promise<OldSite> {
  const directory = temporaryDirectory(scope);
  const pki = createDemoPki(path.join(directory, 'grid-security'), { key: 'rsa2048' });
  const broker = await startDevBroker({
    tls: {
      key: readFileSync(pki.broker.keyPath),
      cert: readFileSync(pki.broker.certificatePath),
      ca: readFileSync(pki.caPath),
      requireClientCertificate: true,
    },
  });
  scope.after(() => broker.close());
  const spool = path.join(directory, 'spool');
  const at = (name: string): string => path.join(spool, name);
  for (const name of ['', 'outgoing']) mkdirSync(at(name));
  const dns = path.join(directory, 'dns');
  writeFileSync(dns, `# who may send\n\n${pki.sites[0].dn}\n`);
  let files = 0;
  const write = (sections: Sections, changes: Readonly<Record<string, string | undefined>>): string => {
    files += 1;
    const file = path.join(directory, `${files}.cfg`);
    writeFileSync(file, iniText(changed(sections, changes)));
    return file;
  };
  const start: OldSite['start'] = (command, args = [], options = {}) =>
    startNode(scope, script(command), args, { ...options, env: { ...CLEAN, ...options.env } });
  return {
    directory,
    pki,
    broker,
    outgoing: at('outgoing'),
    incoming: at('incoming'),
    reject: at('reject'),
    dns,
    senderConfig: (changes = {}) => write(senderSections(pki, broker.port, at('outgoing')), changes),
    receiverConfig: (changes = {}) => write(receiverSections(pki, broker.port, spool), changes),
    start,
    run: async (command, args, options) => {
      const child = await start(command, args, options);
      const { code } = await child.exited;
      return { code, out: child.output('stdout'), err: child.output('stderr') };
    },
    add: (...bodies) => {
      const writer = new SimpleWriter({ path: at('outgoing') });
      return Promise.all(bodies.map((body) => writer.add(Buffer.from(body))));
    },
    waiting: () => namesInDirq(at('outgoing')),
    stored: () => elementsOf(at('incoming')),
    rejected: () => elementsOf(at('reject')),
  };
}

async function elementsOf(queue: string): Promise<Stored[]> {
  const reader = new NormalReader({ path: queue });
  const elements: Stored[] = [];
  for await (const name of reader.names()) {
    if (!(await reader.lock(name))) continue;
    const record = [...(await reader.get(name))].map(([key, value]) => [key, Buffer.from(value).toString()]);
    elements.push({ name, ...Object.fromEntries(record) });
    await reader.unlock(name);
  }
  return elements;
}

type Sections = Readonly<Record<string, Readonly<Record<string, string | undefined>>>>;

function senderSections(pki: DemoPki, port: number, outgoing: string): Sections {
  const [site] = pki.sites;
  return {
    sender: { protocol: 'STOMP' },
    broker: { host: 'localhost', port: String(port), use_ssl: 'true' },
    certificates: {
      certificate: site.certificatePath,
      key: site.keyPath,
      capath: pki.trustDirectory,
      server_cert: pki.server.certificatePath,
    },
    messaging: { destination: DESTINATION, path: outgoing, path_type: 'dirq' },
    logging: { logfile: '/dev/null', level: 'INFO', console: 'true' },
  };
}

function receiverSections(pki: DemoPki, port: number, spool: string): Sections {
  return {
    receiver: { protocol: 'STOMP' },
    broker: { host: 'localhost', port: String(port), use_ssl: 'true' },
    certificates: { certificate: pki.server.certificatePath, key: pki.server.keyPath, capath: pki.trustDirectory, check_crls: 'true' },
    messaging: { destination: DESTINATION, path: spool },
    logging: { logfile: '/dev/null', level: 'INFO', console: 'true' },
    daemon: { pidfile: path.join(spool, 'ssmreceive.pid') },
  };
}

/** `section.key: value`; undefined takes the key away. */
function changed(sections: Sections, changes: Readonly<Record<string, string | undefined>>): Sections {
  const result: Record<string, Record<string, string | undefined>> = Object.fromEntries(
    Object.entries(sections).map(([name, keys]) => [name, { ...keys }]),
  );
  for (const [name, value] of Object.entries(changes)) {
    const [section = '', key = ''] = name.split('.');
    result[section] = { ...result[section], [key]: value };
  }
  return result;
}

function iniText(sections: Sections): string {
  return Object.entries(sections)
    .map(([name, keys]) => {
      const lines = Object.entries(keys).flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${value}`]));
      return `[${name}]\n# of ${name}\n${lines.join('\n')}\n`;
    })
    .join('\n');
}
