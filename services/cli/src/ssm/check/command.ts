import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import type { ReceiverConfig } from '@ssm/receiver';
import { ServiceError, UNUSED_PARTS } from '@ssm/service-kit';
import { CONFIG_OPTION, type Command, EXIT, type Given, JSON_OPTION, LIST_OPTION, UsageError } from '../command.js';
import { configFile, type Loaded, loadFor, serviceOf } from '../config.js';
import { SERVICE_OPTION } from '../open.js';
import { say, sayJson, type Terminal, visibleLine } from '../terminal.js';
import { checkBrokers } from './brokers.js';
import { checkEarlier, checkKeys, checkLists, checkRecipients } from './keys.js';
import { type Finding, fail, ok, warn } from './report.js';
import { checkIncoming, checkOutgoing, checkReject } from './volumes.js';

export const checkCommand: Command = {
  name: 'check',
  summary: 'look at configuration, certificates, CRLs, lists, volumes and brokers; say what to do',
  text: `Connects to every broker for real, but sends nothing and takes nothing. Run it as the user of the service: what root can do says
nothing of what the service can.
A line each: ok; warn (it works, but will not for ever); FAIL (it does not work); skip (could not be tried). Exit code: 0 without a FAIL, else 1.`,
  options: {
    config: CONFIG_OPTION,
    dn_file: LIST_OPTION,
    service: SERVICE_OPTION,
    dn: { type: 'string', value: 'DN', doc: 'receiver: may this DN send?' },
    offline: { type: 'boolean', doc: 'do not connect to the brokers' },
    json: JSON_OPTION,
  },
  examples: [
    { line: 'ssm check -c /etc/apel/sender.cfg', what: 'a site' },
    { line: 'ssm check -c receiver.yaml --dn /C=UK/O=eScience/CN=host', what: 'a server; and may that host send?' },
  ],
  run: async (given, terminal) => {
    const findings = await checkAll(given, terminal);
    if (given.has('json')) sayJson(terminal, findings);
    else for (const finding of findings) say(terminal, lineOf(finding));
    return findings.some(({ state }) => state === 'FAIL') ? EXIT.failed : EXIT.ok;
  },
};

/** What to do with a part that is not used. */
const UNUSED = 'remove it, or correct its name';

function lineOf({ advice, detail, state, what }: Finding): string {
  const line = `${state.padEnd(4)}  ${what.padEnd(14)}${visibleLine(detail)}`;
  return advice === undefined ? line : `${line}\n${' '.repeat(20)}-> ${visibleLine(advice)}`;
}

async function checkAll(given: Given, terminal: Terminal): Promise<readonly Finding[]> {
  const file = configFile(given, terminal, undefined);
  let loaded: Loaded;
  try {
    loaded = loadFor(file, serviceOf(given, file, terminal), given, terminal);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return faultsOf(error);
  }
  const { config, service } = loaded;
  if (given.has('dn') && service === 'sender') throw new UsageError('--dn: only a receiver has a list of DNs');
  const now = terminal.now();
  const list = given.text('dn_file');
  const again = `ssm check${file === undefined ? ` --service ${service}` : ` -c ${path.resolve(file)}`}${list === undefined ? '' : ` -d ${path.resolve(list)}`}`;
  const keys = await checkKeys(loaded, now);
  return [
    ok('configuration', `${file ?? 'the environment alone'}, of a ${service}`),
    ...loaded.warnings.map((text) => warn('configuration', text, UNUSED)),
    ...keys.findings,
    ...(service === 'sender' ? await checkRecipients(config, keys, now) : await receiverKeys(config, given, now)),
    ...(service === 'sender'
      ? await checkOutgoing(config, again)
      : [...(await checkIncoming(config, again)), ...(await checkReject(config, again))]),
    ...logFinding(config.log.file),
    ...(given.has('offline') ? [] : await checkBrokers(loaded, keys, now)),
  ];
}

/** A finding for each fault of the configuration, and for what is not used; the first line of several only counts them. */
function faultsOf(error: ServiceError): readonly Finding[] {
  const [first = '', ...others] = error.message.split('\n').map((line) => line.replace(/^ {2}- /, ''));
  const end = others.includes(UNUSED_PARTS) ? others.indexOf(UNUSED_PARTS) : others.length;
  const [faults, unused] = [others.slice(0, end), others.slice(end + 1)];
  const details = faults.length === 0 ? [first] : faults;
  const advice = 'correct what is said above; the keys are in docs/configuration.md';
  return [
    ...unused.map((detail) => warn('configuration', detail, UNUSED)),
    ...details.map((detail, index) => ({
      what: 'configuration',
      state: 'FAIL' as const,
      detail,
      ...(index === details.length - 1 ? { advice } : {}),
    })),
  ];
}

async function receiverKeys(config: ReceiverConfig, given: Given, now: Date): Promise<readonly Finding[]> {
  return [...(await checkEarlier(config, now)), ...(await checkLists(config, given.text('dn')))];
}

/** Looked at, and not made: what root makes the service may not be able to write. */
function logFinding(file: string): Finding[] {
  if (file === '') return [];
  try {
    accessSync(existsSync(file) ? file : path.dirname(file), constants.W_OK);
    return [ok('log file', file)];
  } catch (cause) {
    return [fail('log file', new ServiceError('log-file-failed', `${file} cannot be written`, { cause }))];
  }
}
