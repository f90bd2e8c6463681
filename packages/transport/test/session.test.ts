/** The traps that stomp/session.ts absorbs, each against a broker that does just that. */
import assert from 'node:assert/strict';
import dns from 'node:dns';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, it, mock } from 'node:test';
import { Deferred } from '../src/deferred.js';
import type { StompOptions } from '../src/index.js';
import type { Inbox, Message } from '../src/stomp/inbox.js';
import { Session } from '../src/stomp/session.js';
import { resolveOptions } from '../src/stomp/settings.js';
import { firstStage, openSocket } from '../src/stomp/socket.js';
import { isPending, rejection, until, within } from './helpers.js';
import { type Peer, type Script, ScriptedBroker } from './scripted-broker.js';

const never = new AbortController().signal;
const MiB = 1024 * 1024;

/** Takes every message at once. */
class OpenInbox implements Inbox {
  readonly messages: Message[] = [];
  dropped = 0;
  admit(_bytes: number, _signal: AbortSignal): true | Promise<boolean> {
    return true;
  }
  deliver(message: Message): void {
    this.messages.push(message);
  }
  drop(): void {
    this.dropped += 1;
  }
  /** The next message, waited for. */
  async next(): Promise<Message> {
    await until(() => this.messages.length > 0, 'a message');
    return this.messages.shift()!;
  }
}

/** Admits when the test says so. */
class GatedInbox extends OpenInbox {
  readonly gates: ((admitted: boolean) => void)[] = [];
  override admit(_bytes: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const refuse = (): void => resolve(false);
      signal.addEventListener('abort', refuse, { once: true });
      this.gates.push((admitted) => {
        signal.removeEventListener('abort', refuse);
        resolve(admitted);
      });
    });
  }
}

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).toReversed()) await step();
});

async function broker(script: Script): Promise<ScriptedBroker> {
  const started = await ScriptedBroker.start(script);
  cleanUp.push(() => started.stop());
  return started;
}

interface Given {
  readonly options?: Partial<StompOptions>;
  readonly inbox?: Inbox;
  readonly signal?: AbortSignal;
}

async function open(to: ScriptedBroker, { options = {}, inbox, signal = never }: Given = {}): Promise<Session> {
  const settings = resolveOptions({ brokers: [to.address], destination: '/queue/test', heartbeatMs: 0, ...options });
  const session = await Session.open(to.address, settings, signal, inbox);
  cleanUp.push(() => session.disconnect(AbortSignal.abort()));
  return session;
}

const send = (session: Session, body: Uint8Array, headers = {}): Promise<void> =>
  session.request('SEND', { destination: '/queue/test', 'content-length': String(body.length), ...headers }, body);

describe('writing', () => {
  it('turns off Nagle', async () => {
    const setNoDelay = mock.method(net.Socket.prototype, 'setNoDelay');
    cleanUp.push(() => setNoDelay.mock.restore());
    await open(await broker((peer) => peer.accept()));
    assert.ok(setNoDelay.mock.calls.some(({ arguments: [on] }) => on === true));
  });

  it('sends header, body and NUL in one write, and with them the other frames of the turn', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      for (;;) await peer.confirm();
    });
    const session = await open(to);
    // The broker's end does not cork.
    const cork = mock.method(net.Socket.prototype, 'cork');
    cleanUp.push(() => cork.mock.restore());
    await Promise.all([send(session, Buffer.alloc(1000, 'a')), send(session, Buffer.alloc(1000, 'b'))]);
    assert.equal(cork.mock.callCount(), 1);
  });

  it('sends a body with NUL bytes whole, and an empty one', async () => {
    const bodies: Buffer[] = [];
    const to = await broker(async (peer) => {
      await peer.accept();
      bodies.push((await peer.confirm()).body, (await peer.confirm()).body);
    });
    const session = await open(to);
    await send(session, Buffer.from('a\0b\0'));
    await send(session, new Uint8Array());
    assert.deepEqual(bodies.map(String), ['a\0b\0', '']);
  });

  it('sends a body larger than any buffer unchanged', async () => {
    const body = Buffer.alloc(5 * MiB + 7);
    for (let index = 0; index < body.length; index += 1) body[index] = index % 251;
    let received: Buffer | undefined;
    const to = await broker(async (peer) => {
      await peer.accept();
      received = (await peer.confirm()).body;
    });
    await send(await open(to), body);
    assert.ok(received?.equals(body));
  });

  for (const [version, expected] of [
    ['1.2', 'a\\cb\\\\c\\nd\\re'],
    ['1.1', 'a\\cb\\\\c\\nd'],
  ] as const)
    it(`escapes header values as ${version} says`, async () => {
      let header: string | undefined;
      const to = await broker(async (peer) => {
        await peer.accept({ version });
        header = (await peer.confirm()).headers['empa-id'];
      });
      await send(await open(to), Buffer.from('x'), { 'empa-id': version === '1.2' ? 'a:b\\c\nd\re' : 'a:b\\c\nd' });
      assert.equal(header, expected);
    });
});

describe('connecting', () => {
  it('offers 1.1 and 1.2, the virtual host, heart-beats and a login that is not escaped', async () => {
    let connect: Readonly<Record<string, string>> = {};
    const to = await broker(async (peer) => {
      connect = (await peer.accept()).headers;
    });
    await open(to, { options: { login: 'a:b', passcode: 'c\\d', virtualHost: '/v', heartbeatMs: 7000 } });
    assert.deepEqual(connect, { 'accept-version': '1.1,1.2', host: '/v', 'heart-beat': '7000,7000', login: 'a:b', passcode: 'c\\d' });
  });

  it('gives up on a broker that never answers CONNECT', async () => {
    const to = await broker(() => undefined);
    await rejection(open(to, { options: { connectTimeoutMs: 50 } }), 'connect-timeout');
  });

  it('gives up on a broker that never answers the TLS handshake', async () => {
    const to = await broker(() => undefined);
    const address = { ...to.address, tls: () => ({ ca: ['-'] }) };
    const settings = resolveOptions({ brokers: [address], destination: '/queue/test', connectTimeoutMs: 50 });
    await rejection(Session.open(address, settings, never), 'connect-timeout');
  });

  it('says that it waits for the look-up of the name', async (t) => {
    t.mock.method(dns, 'lookup', () => undefined);
    const address = { host: 'broker.test', port: 1 };
    const settings = resolveOptions({ brokers: [address], destination: '/queue/test', connectTimeoutMs: 50 });
    const error = await rejection(Session.open(address, settings, never), 'connect-timeout');
    assert.match(error.message, /not connected within 50 ms \(DNS\)$/);
  });

  for (const [host, stages] of [
    ['localhost', ['DNS', 'TCP', 'STOMP']],
    ['127.0.0.1', ['TCP', 'STOMP']],
  ] as const)
    it(`goes ${stages.join(', ')} to ${host}`, async (t) => {
      const { address } = await broker(() => undefined);
      const to = { ...address, host };
      const seen = [firstStage(to)];
      const socket = openSocket(to, (stage) => void seen.push(stage));
      t.after(() => socket.destroy());
      await once(socket, 'connect');
      assert.deepEqual(seen, stages);
    });

  it('says when nobody listens', async () => {
    const to = await ScriptedBroker.start(() => undefined);
    const { address } = to;
    await to.stop();
    const settings = resolveOptions({ brokers: [address], destination: '/queue/test' });
    const error = await rejection(Session.open(address, settings, never), 'connect-failed');
    assert.match(error.message, /ECONNREFUSED/);
  });

  it('says when the broker closes instead of answering', async () => {
    const to = await broker((peer) => peer.socket.destroy());
    await rejection(open(to), 'connect-failed');
  });

  it('stops at its signal, before and while connecting', async () => {
    const to = await broker(() => undefined);
    await rejection(open(to, { signal: AbortSignal.abort() }), 'aborted');
    const controller = new AbortController();
    const opening = open(to, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await rejection(opening, 'aborted');
  });

  it('passes on why the broker refuses', async () => {
    const to = await broker(async (peer) => {
      await peer.frame();
      peer.write('ERROR', { message: 'Bad CONNECT' }, 'Access refused\nfor\u0007 user');
    });
    const error = await rejection(open(to), 'broker-error');
    assert.match(error.message, /Bad CONNECT: Access refused for user$/);
  });

  for (const [how, code, end] of [
    ['closes', 'connect-failed', (peer: Peer) => void peer.socket.end()],
    ['says something', 'broker-error', (peer: Peer) => peer.write('ERROR', { message: 'Access refused' })],
  ] as const)
    it(`says what perhaps was unescaped where the broker ${how}, and never the passcode`, async () => {
      const to = await broker(async (peer) => {
        await peer.frame();
        end(peer);
      });
      const error = await rejection(open(to, { options: { login: 'site', passcode: 'pa\\word' } }), code);
      assert.match(error.message, /backslash in passcode: RabbitMQ and ActiveMQ want it doubled$/);
      assert.doesNotMatch(error.message, /word/);
      for (const passcode of ['password', 'pass\\\\word']) {
        const plain = await rejection(open(to, { options: { login: 'site', passcode } }), code);
        assert.doesNotMatch(plain.message, /backslash/);
      }
    });

  describe('with a broker that repeats the passcode', () => {
    // Colon, backslash, per cent and slash are what is written in another way somewhere.
    const passcode = 'S3:cret\\\\Pass/%code';
    const forms = [
      'S3:cret\\\\Pass/%code',
      'S3\\ccret\\\\\\\\Pass/%code',
      'S3:cret\\Pass/%code',
      encodeURIComponent(passcode),
      'S3%3Acret%5CPass%2F%25code',
    ];
    const options = { login: 'site', passcode };
    const refusal = async (headers: Record<string, string>, body: string): Promise<string> => {
      const to = await broker(async (peer) => {
        await peer.frame();
        peer.write('ERROR', headers, body);
      });
      return (await rejection(open(to, { options }), 'broker-error')).message;
    };

    it('leaves it out of an ERROR, header and body, in every form', async () => {
      for (const form of forms) {
        const message = await refusal({ message: 'refused' }, `CONNECT\nlogin:site\npasscode:${form}\n`);
        assert.match(message, /the broker says: refused: CONNECT login:site passcode:\*\*\*$/);
      }
      // A header is unescaped when it is read.
      assert.match(await refusal({ message: `passcode ${forms[1]} is wrong` }, ''), /says: passcode \*\*\* is wrong$/);
    });

    it('leaves nothing of it where the text is cut', async () => {
      for (let length = 480; length <= 500; length += 1) assert.doesNotMatch(await refusal({}, `${'x'.repeat(length)}${passcode}`), /S3/);
    });

    it('leaves it out of what it says of itself', async () => {
      const to = await broker((peer) => peer.accept({ server: `Some/1.0 ${forms[1]}` }));
      assert.equal((await open(to, { options })).greeting.server, 'Some/1.0 ***');
      const old = await broker((peer) => peer.accept({ version: forms[1] ?? '' }));
      assert.match((await rejection(open(old, { options }), 'protocol-error')).message, /speaks STOMP \*\*\*,/);
    });
  });

  for (const headers of [{ version: '1.0' }, { version: '1.3' }, { version: '' }])
    it(`refuses a broker that answers with version "${headers.version}"`, async () => {
      await rejection(open(await broker((peer) => peer.accept(headers))), 'protocol-error');
    });

  it('refuses what is not STOMP', async () => {
    const to = await broker((peer) => peer.socket.write('HTTP/1.1 400 Bad Request\r\nno colon here\r\n\r\n'));
    await rejection(open(to), 'protocol-error');
  });

  it('tells what the broker said of itself', async () => {
    const to = await broker((peer) => peer.accept({ version: '1.1', server: 'Some/1.0\u0007', 'heart-beat': '20000,5' }));
    const { greeting } = await open(to, { options: { heartbeatMs: 10_000 } });
    assert.deepEqual(greeting, {
      version: '1.1',
      server: 'Some/1.0',
      intervals: { outgoing: 10_000, incoming: 20_000 },
      encrypted: false,
      certificateExpires: undefined,
    });
  });
});

describe('receipts', () => {
  it('resolves on the receipt, not on the write', async () => {
    const asked = new Deferred<() => void>();
    const to = await broker(async (peer) => {
      await peer.accept();
      const frame = await peer.frame();
      asked.resolve(() => peer.receipt(frame));
    });
    const sent = send(await open(to), Buffer.from('x'));
    assert.ok(await isPending(sent));
    (await asked.promise)();
    await within(sent, 'the receipt');
  });

  it('takes receipts in any order, repeated ones and ones of nobody', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      const frames = [await peer.frame(), await peer.frame()];
      for (const frame of [...frames.toReversed(), ...frames]) peer.receipt(frame);
      peer.write('RECEIPT', { 'receipt-id': 'constructor' });
      peer.write('RECEIPT', {});
      peer.receipt(await peer.frame());
    });
    const session = await open(to);
    await Promise.all([send(session, Buffer.from('1')), send(session, Buffer.from('2'))]);
    await within(send(session, Buffer.from('3')), 'the third receipt');
  });

  it('takes none for what cannot have left yet', async () => {
    const asked = new Deferred<{ readonly peer: Peer; readonly first: string }>();
    const to = await broker(async (peer) => {
      await peer.accept();
      const { headers } = await peer.confirm();
      peer.socket.pause();
      asked.resolve({ peer, first: headers['receipt'] ?? '' });
    });
    const session = await open(to);
    await within(send(session, Buffer.from('1')), 'the first receipt');
    const { peer, first } = await asked.promise;
    // More than the system takes of a connection that nobody reads.
    const sent = send(session, Buffer.alloc(64 * MiB));
    peer.write('RECEIPT', { 'receipt-id': first.replace(/1$/, '2') });
    await rejection(sent, 'protocol-error');
  });

  it('has many in flight without a listener for each', async () => {
    const warnings: Error[] = [];
    const listener = (warning: Error): void => void warnings.push(warning);
    process.on('warning', listener);
    cleanUp.push(() => void process.off('warning', listener));
    const to = await broker(async (peer) => {
      await peer.accept();
      for (;;) await peer.confirm();
    });
    const session = await open(to);
    await Promise.all(Array.from({ length: 100 }, () => send(session, Buffer.from('x'))));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(warnings, []);
  });

  it('settles what is pending when it is closed locally, and closes the socket', async () => {
    const closed = new Deferred<void>();
    const to = await broker(async (peer) => {
      peer.socket.once('close', () => closed.resolve());
      await peer.accept();
    });
    const session = await open(to);
    const sent = send(session, Buffer.from('x'));
    await session.disconnect(AbortSignal.abort());
    await rejection(sent, 'closed');
    await within(closed.promise, 'the end of the socket');
    assert.equal(await session.ended, undefined);
    await rejection(send(session, Buffer.from('y')), 'closed');
  });

  it('settles what is pending when the connection is cut', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      await peer.frame();
      peer.socket.resetAndDestroy();
    });
    const session = await open(to);
    await rejection(send(session, Buffer.from('x')), 'connection-lost');
    assert.equal((await session.ended)?.code, 'connection-lost');
  });

  it('counts the receipts that came before the end', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      const frames = [await peer.frame(), await peer.frame()];
      peer.receipt(frames[0]!);
      peer.socket.end();
    });
    const session = await open(to);
    const [first, second] = [send(session, Buffer.from('1')), send(session, Buffer.from('2'))];
    await Promise.all([within(first, 'the receipt before the end'), rejection(second, 'connection-lost')]);
  });

  it('does not wait for ever: neither RECEIPT nor ERROR', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      await peer.frame();
      for (;;) await peer.confirm();
    });
    const session = await open(to, { options: { receiptTimeoutMs: 100 } });
    const [refused, taken] = [send(session, Buffer.from('1')), send(session, Buffer.from('2'))];
    await within(taken, 'the second receipt');
    const also = send(session, Buffer.from('3'));
    await within(also, 'the third receipt');
    await rejection(refused, 'receipt-timeout');
    await rejection(send(session, Buffer.from('4')), 'closed');
    assert.equal((await session.ended)?.code, 'receipt-timeout');
  });

  it('names the one whose receipt did not come, of all that are lost with it', async () => {
    const session = await open(await broker((peer) => peer.accept()), { options: { receiptTimeoutMs: 60 } });
    const [first, second] = [send(session, Buffer.from('1')), send(session, Buffer.from('2'))];
    await Promise.all([rejection(first, 'receipt-timeout'), rejection(second, 'connection-lost')]);
  });

  it('gives each frame its time from when the ones before it were confirmed', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      const frames = [await peer.frame(), await peer.frame(), await peer.frame()];
      for (const frame of frames) {
        await new Promise((resolve) => setTimeout(resolve, 80));
        peer.receipt(frame);
      }
    });
    const session = await open(to, { options: { receiptTimeoutMs: 140 } });
    await Promise.all(['1', '2', '3'].map((body) => send(session, Buffer.from(body))));
  });

  it('does not wait for ever for a broker that stops reading', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      peer.socket.pause();
    });
    const session = await open(to, { options: { receiptTimeoutMs: 200 } });
    await rejection(send(session, Buffer.alloc(30 * MiB)), 'receipt-timeout');
  });
});

describe('messages', () => {
  it('reads bodies with and without content-length, with NUL bytes, and empty', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      peer.message({}, 'a\0b');
      peer.write('MESSAGE', { subscription: '0' }, 'no length');
      peer.message({}, '');
    });
    const inbox = new OpenInbox();
    await open(to, { inbox });
    const bodies = [await inbox.next(), await inbox.next(), await inbox.next()];
    assert.deepEqual(
      bodies.map(({ body }) => String(Buffer.from(body.bytes!))),
      ['a\0b', 'no length', ''],
    );
  });

  it('ends on one that nobody subscribed to: receipts are waited for behind messages, and would be for ever', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      await peer.frame();
      peer.socket.write('MESSAGE\nsubscription:0\nmessage-id:m\nack:a\n\nits end never comes');
    });
    await rejection(send(await open(to), Buffer.from('x')), 'protocol-error');
  });

  it('gives the same message however it is cut into pieces', async () => {
    const frame = 'MESSAGE\r\nempa-id:Zürich → 𝄞\r\nack:a\\cb\r\ncontent-length:6\r\n\r\nbödy\r\0\r\n\n';
    const bytes = Buffer.from(frame.replace('6', String(Buffer.byteLength('bödy\r'))));
    const to = await broker(async (peer) => {
      await peer.accept();
      for (const byte of bytes) {
        peer.socket.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      peer.message({ 'empa-id': 'next' }, 'x');
    });
    const inbox = new OpenInbox();
    await open(to, { inbox });
    const { headers, body } = await inbox.next();
    const { ack, 'empa-id': id } = headers;
    assert.deepEqual([id, ack], ['Zürich → 𝄞', 'a:b']);
    assert.equal(String(Buffer.from(body.bytes!)), 'bödy\r');
    assert.equal((await inbox.next()).headers['empa-id'], 'next');
  });

  it('takes an id of any length, but for one of more than a mebibyte', async () => {
    const ids = ['l'.repeat(100_000), 'l'.repeat(MiB - 'empa-id:'.length), 'l'.repeat(MiB), 'short'];
    const to = await broker(async (peer) => {
      await peer.accept();
      for (const id of ids) peer.message({ 'empa-id': id }, 'x');
    });
    const inbox = new OpenInbox();
    await open(to, { inbox });
    for (const id of ids) {
      const { headers, body } = await inbox.next();
      assert.equal(headers['empa-id'], id.length === MiB ? undefined : id);
      assert.equal(String(Buffer.from(body.bytes!)), 'x');
    }
  });

  it('passes over the headers that nobody reads, however many and long', async () => {
    const many = Array.from({ length: 20_000 }, (_, index) => `x-${index}:v\n`).join('');
    const to = await broker(async (peer) => {
      await peer.accept();
      const mine = 'empa-id:mine\ncontent-length:4\n';
      for (const others of [many, `x:${':'.repeat(20 * MiB)}\n`, 'a\\q:a\\q\n:\n'])
        peer.socket.write(`MESSAGE\n${others}${mine}${others}\na\0b\n\0`);
    });
    const inbox = new OpenInbox();
    await open(to, { inbox });
    for (let taken = 0; taken < 3; taken += 1) {
      const { headers, body } = await inbox.next();
      assert.deepEqual(headers, { 'empa-id': 'mine', 'content-length': 4 });
      assert.equal(String(Buffer.from(body.bytes!)), 'a\0b\n');
    }
  });

  it('reads lines that come in pieces, cut anywhere', async () => {
    const id = '\u00e4\ud83d\ude00:\u20ac';
    const frame = Buffer.from(`MESSAGE\r\nempa-id:${id}\r\nx:y\r\n\r\nbody\0`);
    const to = await broker(async (peer) => {
      await peer.accept();
      for (let at = 1; at < frame.length; at += 1)
        for (const piece of [frame.subarray(0, at), frame.subarray(at)]) await new Promise((resolve) => peer.socket.write(piece, resolve));
    });
    const inbox = new OpenInbox();
    await open(to, { inbox });
    for (let at = 1; at < frame.length; at += 1) assert.equal((await inbox.next()).headers['empa-id'], id);
  });

  it('does not take a line of any length for a command', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      peer.socket.write(`${'l'.repeat(2 * MiB)}\n`);
    });
    assert.equal((await within((await open(to)).ended, 'the end'))?.code, 'protocol-error');
  });

  for (const [version, name, other] of [
    ['1.2', 'ack', 'message-id'],
    ['1.1', 'message-id', 'ack'],
  ] as const)
    it(`takes no ${name} of any length, which would go back in STOMP ${version}`, async () => {
      const long = 'l'.repeat(5000);
      const to = await broker(async (peer) => {
        await peer.accept({ version });
        peer.message({ [name]: 'short', [other]: long }, 'x');
        peer.message({ [name]: long }, 'x');
      });
      const inbox = new OpenInbox();
      const session = await open(to, { inbox });
      assert.equal((await within(session.ended, 'the end'))?.code, 'protocol-error');
      assert.equal(inbox.messages.length, 1);
    });

  it('survives headers named like members of every object', async () => {
    const names = ['hasOwnProperty', '__proto__', 'constructor', 'toString'];
    const to = await broker(async (peer) => {
      await peer.accept();
      peer.message(Object.fromEntries(names.map((name) => [name, 'x'])), 'first');
      peer.socket.write('MESSAGE\n__proto__:x\nhasOwnProperty:x\nempa-id:second\n\n\0');
    });
    const inbox = new OpenInbox();
    await open(to, { inbox });
    assert.equal(String(Buffer.from((await inbox.next()).body.bytes!)), 'first');
    assert.equal((await inbox.next()).headers['empa-id'], 'second');
  });

  it('keeps nothing of a body over the limit, says its size, and goes on', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      peer.message({ 'empa-id': 'announced' }, Buffer.alloc(MiB + 1, 'x'));
      peer.write('MESSAGE', { 'empa-id': 'unannounced' }, Buffer.alloc(MiB + 1, 'x'));
      peer.message({ 'empa-id': 'exact' }, Buffer.alloc(MiB, 'x'));
    });
    const inbox = new OpenInbox();
    await open(to, { inbox, options: { maximumMessageBytes: MiB } });
    for (const id of ['announced', 'unannounced']) {
      const { headers, body } = await inbox.next();
      assert.equal(headers['empa-id'], id);
      assert.deepEqual(body, { size: MiB + 1, bytes: undefined });
    }
    assert.equal((await inbox.next()).body.bytes?.length, MiB);
  });

  for (const [server, amid] of [
    ['ActiveMQ-Artemis/2.44.0', ''],
    ['RabbitMQ/4.0.5', 'a\0b'],
  ] as const)
    it(`knows a content-length of the broker by its place: ${server}`, async () => {
      const lengths = [
        ['content-length:3\nmessage-id:m\ncontent-length:9\nack:a', 'a\0b'],
        ['message-id:m\nack:a\ncontent-length:3', 'a\0b'],
        ['message-id:m\ncontent-length:3\nack:a', amid],
        ['message-id:m\nack:a\ncontent-length:3\nx:y', amid],
      ] as const;
      const to = await broker(async (peer) => {
        await peer.accept({ server });
        await peer.confirm();
        for (const [lines, body] of lengths) peer.socket.write(`MESSAGE\n${lines}\n\n${body}\0\n`);
      });
      const inbox = new OpenInbox();
      await within(send(await open(to, { inbox }), Buffer.from('x')), 'the receipt');
      for (const [lines, body] of lengths) assert.equal(String(Buffer.from((await inbox.next()).body.bytes!)), body, lines);
    });

  it('ends on a negative content-length, and makes no message of two', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      const lie = 'MESSAGE\nsubscription:0\nmessage-id:m\nack:a\ncontent-length:-1\n\none\0';
      peer.socket.write(`${lie}MESSAGE\nsubscription:0\nmessage-id:n\nack:b\n\ntwo\0`);
    });
    const inbox = new OpenInbox();
    const session = await open(to, { inbox });
    assert.equal((await within(session.ended, 'the end'))?.code, 'protocol-error');
    assert.equal(inbox.messages.length, 0);
  });

  it('ends on a content-length that is a lie', async () => {
    for (const length of ['3', 'x', '-5', '99999999999999999999999']) {
      const to = await broker(async (peer) => {
        await peer.accept();
        await peer.frame();
        peer.socket.end(`MESSAGE\ncontent-length:${length}\n\nfive!\0`);
      });
      const session = await open(to, { inbox: new OpenInbox() });
      await assert.rejects(within(session.request('SUBSCRIBE', {}), `the end for ${length}`));
      await within(session.ended, `the end for ${length}`);
    }
  });

  it('stops reading until a message is admitted, and reads on then', async () => {
    let written = 0;
    const body = Buffer.alloc(256 * 1024, 'x');
    const to = await broker(async (peer) => {
      await peer.accept();
      for (let count = 0; count < 200; count += 1) {
        peer.message({ 'empa-id': String(count) }, body);
        await new Promise((resolve) => (peer.socket.writableNeedDrain ? peer.socket.once('drain', resolve) : resolve(undefined)));
        written += 1;
      }
    });
    const inbox = new GatedInbox();
    await open(to, { inbox });
    await until(() => inbox.gates.length === 1, 'the first message');
    assert.equal(await isPending(until(() => written === 200, 'all written')), true);
    for (let count = 0; count < 200; count += 1) {
      await until(() => inbox.gates.length > count, `message ${count}`);
      inbox.gates[count]?.(true);
    }
    await until(() => inbox.messages.length === 200, 'all messages');
    assert.deepEqual(
      inbox.messages.map(({ headers }) => Number(headers['empa-id'])),
      Array.from({ length: 200 }, (_, index) => index),
    );
  });

  it('says which admitted messages never came', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      peer.socket.write('MESSAGE\ncontent-length:1000\n\nhalf');
      peer.socket.end();
    });
    const inbox = new OpenInbox();
    const session = await open(to, { inbox });
    assert.equal((await within(session.ended, 'the end'))?.code, 'connection-lost');
    assert.deepEqual([inbox.messages.length, inbox.dropped], [0, 1]);
  });

  for (const [how, trickle] of [
    ['stops in its middle', ''],
    ['comes too slowly', 'x'],
  ] as const)
    it(`does not wait for ever for a message that ${how}, though the broker gives signs of life`, async () => {
      const to = await broker(async (peer) => {
        await peer.accept({ 'heart-beat': trickle === '' ? '0,0' : '200,0' });
        peer.socket.write('MESSAGE\nack:a\ncontent-length:100000\n\nhalf');
        const timer = setInterval(() => peer.socket.write(trickle), 20);
        peer.socket.once('close', () => clearInterval(timer));
      });
      const inbox = new OpenInbox();
      const session = await open(to, { inbox, options: { receiptTimeoutMs: 300, heartbeatMs: 200 } });
      const error = await within(session.ended, 'the end');
      assert.equal(error?.code, 'broker-silent');
      assert.match(error.message, /in its middle/);
      assert.equal(inbox.dropped, 1);
    });

  it('waits for a message that comes slowly, however long it takes', async () => {
    const body = Buffer.alloc(30 * 1024, 'x');
    const to = await broker(async (peer) => {
      await peer.accept();
      peer.socket.write(`MESSAGE\nack:a\ncontent-length:${body.length}\n\n`);
      // 20 kB a second: slower than any network that is counted on, and three times as long as a receipt is waited for.
      for (let sent = 0; sent < body.length; sent += 1024) {
        peer.socket.write(body.subarray(sent, sent + 1024));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      peer.socket.write('\0');
    });
    const inbox = new OpenInbox();
    await open(to, { inbox, options: { receiptTimeoutMs: 500 } });
    assert.equal((await inbox.next()).body.bytes?.length, body.length);
  });

  it('does not count the time in which nothing is read', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      peer.message({}, 'x'.repeat(1000));
      peer.message({}, 'x'.repeat(1000));
    });
    const inbox = new GatedInbox();
    await open(to, { inbox, options: { receiptTimeoutMs: 100 } });
    for (const turn of [1, 2]) {
      await until(() => inbox.gates.length === turn, `message ${turn}`);
      await new Promise((resolve) => setTimeout(resolve, 400));
      inbox.gates.at(-1)?.(true);
      await inbox.next();
    }
  });

  it('ends when the connection does, while a message waits to be admitted', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      peer.message({}, 'x');
      peer.socket.end();
    });
    const inbox = new GatedInbox();
    const session = await open(to, { inbox });
    await within(session.ended, 'the end');
    assert.equal(inbox.messages.length, 0);
  });
});

describe('the end', () => {
  it('is an ERROR frame', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      await peer.frame();
      peer.write('ERROR', { message: 'no\\csuch thing', 'receipt-id': '1' }, 'x'.repeat(100_000));
    });
    const session = await open(to);
    const error = await rejection(send(session, Buffer.from('x')), 'broker-error');
    assert.match(error.message, /no:such thing/);
    assert.ok(error.message.length < 2000);
  });

  it('is an ERROR frame whose body never comes whole', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      peer.socket.write('ERROR\nmessage:broken\ncontent-length:100\n\nhalf');
      peer.socket.end();
    });
    const session = await open(to);
    assert.equal((await within(session.ended, 'the end'))?.code, 'broker-error');
  });

  it('is an ERROR frame whose body never ends, though the broker gives signs of life', async () => {
    const to = await broker(async (peer) => {
      await peer.accept({ 'heart-beat': '200,0' });
      peer.socket.write('ERROR\nmessage:broken\ncontent-length:100\n\nhalf');
      const timer = setInterval(() => peer.socket.write('\n'), 50);
      peer.socket.once('close', () => clearInterval(timer));
    });
    const session = await open(to, { options: { heartbeatMs: 200 } });
    const sent = send(session, Buffer.from('x'));
    const error = await rejection(sent, 'broker-error');
    assert.match(error.message, /broken/);
    assert.equal((await session.ended)?.code, 'broker-error');
  });

  it('is a DISCONNECT with receipt, behind everything else', async () => {
    const commands: string[] = [];
    const to = await broker(async (peer) => {
      await peer.accept();
      const frames = [await peer.frame(), await peer.frame()];
      commands.push(...frames.map(({ command }) => command));
      peer.message({}, 'late');
      for (const frame of frames) peer.receipt(frame);
    });
    const inbox = new OpenInbox();
    const session = await open(to, { inbox });
    const sent = send(session, Buffer.from('x'));
    await within(session.disconnect(never), 'DISCONNECT');
    await within(sent, 'the receipt before');
    assert.deepEqual(commands, ['SEND', 'DISCONNECT']);
    assert.equal(await session.ended, undefined);
    assert.equal(inbox.messages.length, 0);
  });

  it('does not hang on a DISCONNECT that is never receipted', async () => {
    const session = await open(await broker((peer) => peer.accept()));
    await within(session.disconnect(AbortSignal.timeout(50)), 'the end');
  });

  it('comes when the last who asks for it waits no longer, whatever the first allowed', async () => {
    const session = await open(await broker((peer) => peer.accept()));
    const first = session.disconnect(never);
    const second = session.disconnect(AbortSignal.timeout(50));
    assert.ok(await isPending(second));
    await within(Promise.all([first, second]), 'the end');
    assert.equal(await session.ended, undefined);
    await within(session.disconnect(never), 'an end that has been');
  });

  it('comes with DISCONNECT even while a message waits to be admitted', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      peer.message({}, Buffer.alloc(MiB));
      await peer.confirm();
    });
    const inbox = new GatedInbox();
    const session = await open(to, { inbox });
    await until(() => inbox.gates.length === 1, 'the message');
    await within(session.disconnect(never), 'DISCONNECT');
    assert.equal(inbox.messages.length, 0);
  });
});

describe('heart-beats', () => {
  it('go out while nothing else does, early enough', async () => {
    const arrivals: number[] = [];
    let chunks: Buffer[] = [];
    const to = await broker(async (peer) => {
      await peer.accept({ 'heart-beat': '0,200' });
      chunks = peer.chunks;
      peer.socket.on('data', () => arrivals.push(performance.now()));
    });
    await open(to, { options: { heartbeatMs: 200 } });
    await until(() => arrivals.length >= 5, 'five heart-beats');
    assert.ok(chunks.slice(1).every((chunk) => /^\n+$/.test(String(chunk))));
    const pauses = arrivals.slice(1).map((at, index) => at - arrivals[index]!);
    // Half of them at least, on a machine however busy.
    assert.ok(pauses.filter((pause) => pause < 200).length >= 2, String(pauses));
  });

  it('are missed after twice the interval, and not when something else comes', async () => {
    const to = await broker(async (peer, number) => {
      await peer.accept({ 'heart-beat': '40,0' });
      if (number === 1) return;
      const timer = setInterval(() => peer.socket.write('\n'), 20);
      peer.socket.once('close', () => clearInterval(timer));
    });
    const silent = await open(to, { options: { heartbeatMs: 40 } });
    const alive = await open(to, { options: { heartbeatMs: 40 } });
    assert.equal((await within(silent.ended, 'the end'))?.code, 'broker-silent');
    assert.ok(await isPending(alive.ended));
  });

  it('are not missed while we ourselves do not read, and ours go on', async () => {
    let peerChunks: Buffer[] = [];
    const to = await broker(async (peer) => {
      await peer.accept({ 'heart-beat': '20,20' });
      peerChunks = peer.chunks;
      peer.message({}, 'x');
    });
    const inbox = new GatedInbox();
    const session = await open(to, { inbox, options: { heartbeatMs: 20, receiptTimeoutMs: 50 } });
    await until(() => inbox.gates.length === 1, 'the message');
    const unread = session.request('ACK', { id: 'a' });
    await until(() => peerChunks.length > 10, 'heart-beats of ours');
    assert.ok(await isPending(session.ended));
    inbox.gates[0]?.(true);
    assert.equal((await within(session.ended, 'the end'))?.code, 'broker-silent');
    await rejection(unread, 'broker-silent');
  });

  it('are not missed because this process was busy', async () => {
    let peer: Peer | undefined;
    const to = await broker(async (connected) => {
      await connected.accept({ 'heart-beat': '60,0' });
      peer = connected;
      const timer = setInterval(() => connected.socket.write('\n'), 15);
      connected.socket.once('close', () => clearInterval(timer));
    });
    const session = await open(to, { options: { heartbeatMs: 60 } });
    await until(() => peer !== undefined, 'the connection');
    for (let round = 0; round < 3; round += 1) {
      // Sent in time, read late.
      peer?.socket.write('\n');
      const free = performance.now() + 150;
      while (performance.now() < free);
      assert.ok(await isPending(session.ended));
    }
  });
});
