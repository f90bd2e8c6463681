/** Does each broker let us in? A real connection, over which nothing is sent and nothing taken. */
import { loadCredentials, sourcesOf } from '@ssm/receiver';
import { createPublisher, loadMaterials, type SenderConfig } from '@ssm/sender';
import { stompOptions } from '@ssm/service-kit';
import { createStompPublisher, type Publisher, type Status } from '@ssm/transport';
import type { Loaded, LoadedReceiver } from '../config.js';
import { trustOf } from '../keys.js';
import { ageText } from '../table.js';
import { type Attempt, brokerAdvice } from './broker-advice.js';
import type { Keys } from './keys.js';
import { type Finding, fail, look, ok, skip } from './report.js';

/** After the time that the connection itself may take. */
const MARGIN_MS = 2_000;

/** Never rejects. */
export async function checkBrokers(loaded: Loaded, { identity, trust }: Keys, now: Date): Promise<readonly Finding[]> {
  if (identity === undefined || trust === undefined)
    return [skip('broker', 'not tried, for want of a certificate or of CAs', 'correct what is said of certificate and trust first')];
  const isAms = loaded.config.transport === 'ams';
  if (loaded.service === 'receiver' && isAms)
    return [skip('broker', 'not tried: to look would be to pull', 'start the service, then: ssm status')];
  const findings: Finding[] = [];
  for (const url of isAms ? [''] : loaded.config.broker.urls)
    findings.push(...(await look('broker', () => checkBroker({ loaded, identity, url }, now))));
  return findings;
}

async function checkBroker(at: Attempt, now: Date): Promise<readonly Finding[]> {
  const { loaded, url } = at;
  const endpoint = loaded.service === 'sender' ? await senderEndpoint(loaded.config, url, now) : await receiverEndpoint(loaded, url, now);
  try {
    const status = await firstOf(endpoint.publisher, loaded.config.broker.connectTimeout + MARGIN_MS);
    if (status?.type === 'connected') return [ok('broker', connectedText(status, now))];
    const error = (status?.type === 'disconnected' ? status.error : undefined) ?? new Error('no answer in time');
    const failed = fail('broker', error);
    const broker = status?.broker ?? url;
    const detail = `${broker}: ${failed.detail.replace(`${broker}: `, '')}`;
    const advice = brokerAdvice(error, at);
    return [{ ...failed, detail, ...(advice === undefined ? {} : { advice }) }];
  } finally {
    await endpoint.publisher.drain(AbortSignal.timeout(MARGIN_MS));
    endpoint.close();
  }
}

interface Reached {
  readonly publisher: Publisher;
  readonly close: () => void;
}

async function senderEndpoint(config: SenderConfig, url: string, now: Date): Promise<Reached> {
  const materials = await loadMaterials(
    // Encryption and revocation have their own checks; whose messages cannot be sealed may still connect.
    { ...config, trust: { ...config.trust, stability: 0, crl: 'off' }, encryption: { ...config.encryption, recipients: [] } },
    () => now,
    { changed: () => undefined, failed: () => undefined },
  );
  return {
    publisher: createPublisher({ ...config, broker: { ...config.broker, urls: [url] } }, materials),
    close: () => materials.close(),
  };
}

/** A publisher: a subscriber would be given messages. */
async function receiverEndpoint(loaded: LoadedReceiver, url: string, now: Date): Promise<Reached> {
  const { config } = loaded;
  const [credentials, trust] = await Promise.all([loadCredentials(config, now), trustOf(loaded, now)]);
  const sources = sourcesOf(
    () => credentials,
    () => trust.anchors,
  );
  const options = stompOptions({ broker: { ...config.broker, urls: [url] }, limits: config.limits }, sources);
  return { publisher: createStompPublisher(options), close: () => undefined };
}

/** The first status that says how it went; undefined: none came in time. */
async function firstOf(publisher: Publisher, patienceMs: number): Promise<Status | undefined> {
  const end = new Promise<undefined>((resolve) => {
    setTimeout(() => resolve(undefined), patienceMs).unref();
  });
  const first = async (): Promise<Status | undefined> => {
    for await (const status of publisher.status()) if (status.type === 'connected' || status.type === 'disconnected') return status;
    return undefined;
  };
  return await Promise.race([first(), end]);
}

function connectedText({ broker, certificateExpires, server, version }: Extract<Status, { type: 'connected' }>, now: Date): string {
  const certificate =
    certificateExpires === undefined ? '' : `, its certificate ends in ${ageText(certificateExpires.getTime() - now.getTime())}`;
  return `${broker}: connected, ${server === '' ? 'server not named' : server}, version ${version}${certificate}`;
}
