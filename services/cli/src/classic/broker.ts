/** The old keys of which several become one: where messages go to or come from. */
import type { Draft, Found } from './draft.js';
import { BOOLEANS, booleanOf, type ServiceName } from './keys.js';

const MAXIMUM_PORT = 65_535;
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|[0-9A-Za-z._-]+)$/;

export function mapBroker(draft: Draft, service: ServiceName): void {
  const protocol = draft.find(service, 'protocol') ?? draft.find(service === 'sender' ? 'receiver' : 'sender', 'protocol');
  const destination = draft.find('messaging', 'destination');
  if (protocol === undefined || protocol.text === 'STOMP') {
    if (protocol !== undefined) draft.set('transport', 'stomp', protocol.place);
    mapStomp(draft, destination);
  } else if (protocol.text !== 'AMS') draft.refuse(protocol, 'STOMP or AMS');
  else mapAms(draft, service, protocol, destination);
}

function mapStomp(draft: Draft, destination: Found | undefined): void {
  if (destination !== undefined) draft.set('broker.destination', destination.text, destination.place);
  const bdii = draft.find('broker', 'bdii') ?? draft.find('broker', 'network');
  const host = draft.find('broker', 'host');
  const port = draft.find('broker', 'port');
  if (bdii !== undefined) noDiscovery(draft, bdii, host !== undefined && port !== undefined);
  if (bdii === undefined || host !== undefined || port !== undefined) mapUrl(draft, host, port);
}

function noDiscovery(draft: Draft, { place }: Found, named: boolean): void {
  const text = 'brokers are not looked up in a BDII';
  if (named) draft.warnings.push(`${place}: ${text}; the broker of host and port is used`);
  else draft.faults.push(`${place}: ${text}; name the broker with host and port in [broker]`);
}

function mapUrl(draft: Draft, host: Found | undefined, port: Found | undefined): void {
  const scheme = schemeOf(draft);
  for (const [found, key] of [[host, 'host'] as const, [port, 'port'] as const])
    if (found === undefined) draft.require('broker', key, ', as the name of the broker is host and port');
  if (host === undefined || port === undefined) return;
  if (!HOST.test(host.text)) draft.refuse(host, 'the name or address of a host');
  if (!isPort(port.text)) draft.refuse(port, `a port number, 1 to ${MAXIMUM_PORT}`);
  const name = host.text.includes(':') && !host.text.startsWith('[') ? `[${host.text}]` : host.text;
  draft.set('broker.urls', [`${scheme}://${name}:${port.text}`], host.place);
}

/** TLS, unless the file says no. */
function schemeOf(draft: Draft): string {
  const ssl = draft.find('broker', 'use_ssl');
  const tls = ssl === undefined ? true : booleanOf(ssl.text);
  if (ssl !== undefined && tls === undefined) draft.refuse(ssl, BOOLEANS);
  return tls === false ? 'stomp' : 'stomp+ssl';
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) <= MAXIMUM_PORT;
}

/** The old port belongs to STOMP: the old software never used it with AMS. */
function mapAms(draft: Draft, service: ServiceName, protocol: Found, destination: Found | undefined): void {
  draft.set('transport', 'ams', protocol.place);
  const host = draft.find('broker', 'host');
  if (host === undefined) draft.require('broker', 'host', ', the host of the messaging service');
  else if (!HOST.test(host.text)) draft.refuse(host, 'the name or address of a host');
  else draft.set('ams.host', host.text, host.place);
  if (draft.find('messaging', 'ams_project') === undefined) draft.require('messaging', 'ams_project', ' with the protocol AMS');
  if (destination !== undefined) draft.set(service === 'sender' ? 'ams.topic' : 'ams.subscription', destination.text, destination.place);
}
