import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { elements, eventually, requireTools, type Scope, type StoredElement } from '@ssm/test-support';
import { createStompPublisher, type Publisher } from '@ssm/transport';
import { AMS_TOKEN, AMS_TOPIC, type AmsProcess, amsConfig, startAmsProcess } from '../support/ams.js';
import { ArgoLibrary } from '../support/argo-library.js';
import { root } from '../support/services.js';
import { addToDirq, DESTINATION, sha256, World } from './world.js';

// One side in the middle of its move: messages over STOMP and AMS, ours and the old software's, encrypted or not, from dirq and directory, into
// one incoming volume. The old software's messages are made by the openssl command as it makes them.

const SAMPLES = path.join(root, 'test/samples');
const never = new AbortController().signal;

/** As the old sender does: sign, then encrypt the signed text if a recipient is given. */
function seal(body: Buffer, world: World, recipient?: string): Buffer {
  const { certificatePath, keyPath } = world.pki.sites[1];
  const signed = openssl(['smime', '-sign', '-text', '-md', 'sha256', '-signer', certificatePath, '-inkey', keyPath], body);
  return recipient === undefined ? signed : openssl(['smime', '-encrypt', '-aes128', recipient], signed);
}

function openssl(args: readonly string[], input: Buffer): Buffer {
  const { status, stdout, stderr } = spawnSync('openssl', args, { input, maxBuffer: 64 * 1024 * 1024 });
  assert.equal(status, 0, String(stderr));
  return stdout;
}

interface Expected {
  readonly body: Buffer;
  readonly signer: string;
  /** undefined: any. */
  readonly empaid: string | undefined;
}

/** Records of the field, each with a line of its own so that no two are the same. */
function records(from: string): Buffer[] {
  const names = readdirSync(SAMPLES).filter((name) => /\.(txt|xml)$/.test(name));
  return names.map((name) => Buffer.concat([readFileSync(path.join(SAMPLES, name)), Buffer.from(`# ${name} ${from}\n`)]));
}

function putFiles(directory: string, bodies: readonly Buffer[], prefix: string): string[] {
  return bodies.map((body, index) => {
    const name = `${prefix}-${index}.txt`;
    writeFileSync(path.join(directory, '..', name), body);
    renameSync(path.join(directory, '..', name), path.join(directory, name));
    return name;
  });
}

class Mixed {
  readonly world: World;
  readonly ams: AmsProcess;
  readonly expected: Expected[] = [];
  readonly #scope: Scope;

  private constructor(scope: Scope, world: World, ams: AmsProcess) {
    this.#scope = scope;
    this.world = world;
    this.ams = ams;
  }

  static async start(scope: Scope): Promise<Mixed> {
    const world = await World.create(scope, { key: 'rsa2048' });
    writeFileSync(path.join(world.directory, 'dns'), world.pki.sites.map(({ dn }) => `${dn}\n`).join(''));
    return new Mixed(scope, world, await startAmsProcess(scope, world.pki));
  }

  expect(bodies: readonly Buffer[], signer: string, names: readonly (string | undefined)[]): void {
    for (const [index, body] of bodies.entries()) this.expected.push({ body, signer, empaid: names[index] });
  }

  /** One of ours, with a volume of its own. */
  async ours(name: string, transport: 'stomp' | 'ams', layout: 'dirq' | 'directory', encrypted: boolean): Promise<void> {
    const { world } = this;
    const outgoing = path.join(world.directory, name, 'outgoing');
    mkdirSync(outgoing, { recursive: true });
    const recipients = encrypted ? [world.pki.server.certificatePath] : [];
    const over = transport === 'ams' ? amsConfig(this.ams, 'sender') : {};
    const config = { ...over, outgoing: { path: outgoing, layout }, encryption: { recipients } };
    const bodies = records(name);
    const signer = world.pki.sites[0].dn;
    if (layout === 'directory') this.expect(bodies, signer, putFiles(outgoing, bodies, name));
    else this.expectDirq(outgoing, signer);
    await world.sender({ config, instance: name });
  }

  /** A Simple queue as others write it, of random bytes: known by their names while nobody has taken them. */
  expectDirq(outgoing: string, signer: string): void {
    addToDirq(outgoing, 5);
    for (const directory of readdirSync(outgoing))
      for (const element of readdirSync(path.join(outgoing, directory)))
        this.expect([readFileSync(path.join(outgoing, directory, element))], signer, [`${directory}/${element}`]);
  }

  /** Old messages for a transport: plain and encrypted, each with an id and one without. */
  old(over: string): { readonly id: string | null; readonly body: Buffer }[] {
    const { world } = this;
    const signer = world.pki.sites[1].dn;
    return [undefined, world.pki.server.certificatePath].flatMap((recipient) => {
      const bodies = records(`old ${over} ${recipient === undefined ? 'signed' : 'encrypted'}`);
      const ids = bodies.map((_, index) => (index === 0 && over === 'ams' ? null : `20261101-12000${index}-${over}`));
      this.expect(
        bodies,
        signer,
        ids.map((id) => id ?? 'N/A'),
      );
      return bodies.map((body, index) => ({ id: ids[index] ?? null, body: seal(body, world, recipient) }));
    });
  }

  async oldOverAms(): Promise<void> {
    const where = { endpoint: `localhost:${this.ams.port}`, project: 'accounting', ca: this.world.pki.caPath };
    const library = await ArgoLibrary.start(this.#scope, { ...where, token: AMS_TOKEN });
    for (const message of this.old('ams')) assert.ok('messageIds' in (await library.publish(AMS_TOPIC, [message])));
  }

  async oldOverStomp(): Promise<void> {
    const { pki, urls } = this.world;
    const { certificatePem: certificate, keyPem: key } = pki.sites[1].issued;
    const publisher: Publisher = createStompPublisher({
      brokers: [
        { host: '127.0.0.1', port: Number(new URL(urls[0]!).port), tls: () => ({ ca: [pki.ca.certificatePem], certificate, key }) },
      ],
      destination: DESTINATION,
    });
    for (const { id, body } of this.old('stomp')) await publisher.publish({ id: id ?? '', body }, never);
    await publisher.drain(never);
  }
}

const textOf = ({ keys }: StoredElement, key: string): string => String(keys[key]);

describe('a side in the middle of its move', { skip: requireTools('openssl', 'argo-ams-library') }, () => {
  it('gets every message once, whoever sent it and however it came', async (test) => {
    const mixed = await Mixed.start(test);
    const { world } = mixed;
    const receivers = [
      await world.receiver({ instance: 'over-stomp' }),
      await world.receiver({ instance: 'over-ams', config: amsConfig(mixed.ams, 'receiver') }),
    ];
    await Promise.all([
      mixed.ours('stomp-dirq', 'stomp', 'dirq', false),
      mixed.ours('stomp-directory', 'stomp', 'directory', true),
      mixed.ours('ams-dirq', 'ams', 'dirq', true),
      mixed.ours('ams-directory', 'ams', 'directory', false),
      mixed.oldOverAms(),
      mixed.oldOverStomp(),
    ]);
    const { expected } = mixed;
    assert.ok(expected.length >= 2 * (5 + 4) + 2 * 2 * 4);
    await eventually(async () => assert.equal((await elements(world.incoming)).length, expected.length), {
      timeout: 60_000,
      interval: 200,
      what: `${expected.length} messages in incoming`,
    });
    const stored = new Map((await elements(world.incoming)).map((element) => [sha256(element.keys['body']!), element]));
    assert.equal(stored.size, expected.length, 'a message is there twice');
    for (const { body, signer, empaid } of expected) {
      const element = stored.get(sha256(body));
      assert.ok(element, `missing or altered: ${body.subarray(-60).toString()}`);
      assert.equal(textOf(element, 'signer'), signer);
      assert.equal(textOf(element, 'empaid'), empaid);
    }
    assert.deepEqual(await elements(world.reject), []);
    for (const receiver of receivers) assert.equal(await receiver.stop(), 0);
  });
});
