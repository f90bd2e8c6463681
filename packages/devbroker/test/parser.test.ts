import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Frame, Refusal } from '../src/frame.js';
import { FrameParser } from '../src/parser.js';

interface Parsed {
  readonly command: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const plain = ({ command, headers, body }: Frame): Parsed => ({
  command,
  headers: Object.fromEntries(headers),
  body: body.toString('latin1'),
});

function parse(chunks: readonly (string | Uint8Array)[], version: '1.0' | '1.1' | '1.2' = '1.2', limit = 1e6): Parsed[] {
  const frames: Parsed[] = [];
  const parser = new FrameParser(
    (frame) => frames.push(plain(frame)),
    (bytes) => {
      if (bytes > limit) throw new Refusal('large');
    },
  );
  parser.version = version;
  for (const chunk of chunks) parser.push(Buffer.from(chunk));
  return frames;
}

const WIRE = Buffer.from(
  [
    'CONNECT\naccept-version:1.2\npasscode:a\\b:c\n\n\0\n\n',
    'SEND\r\ndestination:/queue/\\cq\r\ncontent-length:5\r\n\r\na\0b\n\n\0\r\n',
    'SEND\ndestination:ü\n\nno length\n\n\0',
    'SEND\ncontent-length:0\na:1\na:2\nempty:\n\n\0\n\r\n',
    'ACK\nid:x\n\n\0',
  ].join(''),
);
const FRAMES: Parsed[] = [
  { command: 'CONNECT', headers: { 'accept-version': '1.2', passcode: 'a\\b:c' }, body: '' },
  { command: 'SEND', headers: { destination: '/queue/:q', 'content-length': '5' }, body: 'a\0b\n\n' },
  { command: 'SEND', headers: { destination: 'ü' }, body: 'no length\n\n' },
  { command: 'SEND', headers: { 'content-length': '0', a: '1', empty: '' }, body: '' },
  { command: 'ACK', headers: { id: 'x' }, body: '' },
];

describe('FrameParser', () => {
  it('reads many frames from one chunk', () => {
    assert.deepEqual(parse([WIRE]), FRAMES);
  });

  it('reads the same when the bytes are split anywhere', () => {
    for (let at = 1; at < WIRE.length; at += 1)
      assert.deepEqual(parse([WIRE.subarray(0, at), WIRE.subarray(at)]), FRAMES, `split at ${at}`);
  });

  it('reads the same byte by byte', () => {
    assert.deepEqual(parse(Array.from(WIRE, (byte) => Uint8Array.of(byte))), FRAMES);
  });

  it('undoes the escapes of each version', () => {
    const wire = ['SEND\na\\cb:\\\\x\\n\\c\n\n\0'];
    assert.deepEqual(parse(wire, '1.2')[0]?.headers, { 'a:b': '\\x\n:' });
    assert.deepEqual(parse(wire, '1.1')[0]?.headers, { 'a:b': '\\x\n:' });
    assert.deepEqual(parse(wire, '1.0')[0]?.headers, { 'a\\cb': '\\\\x\\n\\c' });
    assert.deepEqual(parse(['SEND\na:\\r\n\n\0'], '1.2')[0]?.headers, { a: '\r' });
  });

  it('refuses what is not STOMP', () => {
    const wrong: readonly (readonly [string, '1.1' | '1.2'])[] = [
      ['SEND\na:\\r\n\n\0', '1.1'],
      ['SEND\na:\\t\n\n\0', '1.2'],
      ['SEND\na:x\\\n\n\0', '1.2'],
      ['SEND\nno colon\n\n\0', '1.2'],
      ['SEND\n:no name\n\n\0', '1.2'],
      ['SEND\0\n\n\0', '1.2'],
      ['SEND\ncontent-length:-1\n\n\0', '1.2'],
      ['SEND\ncontent-length:1e3\n\n\0', '1.2'],
      ['SEND\ncontent-length:1\n\nab\0', '1.2'],
      [`SEND\n${'a:b\n'.repeat(1001)}\n\0`, '1.2'],
      [`SEND\na:${'b'.repeat(70_000)}`, '1.2'],
      [`SEND\na:${'b'.repeat(70_000)}\n\n\0`, '1.2'],
    ];
    for (const [wire, version] of wrong) assert.throws(() => parse([wire], version), Refusal, JSON.stringify(wire.slice(0, 40)));
  });

  it('asks about the size before it keeps a body', () => {
    assert.throws(() => parse(['SEND\ncontent-length:11\n\n'], '1.2', 10), Refusal);
    assert.throws(() => parse(['SEND\n\n12345', '678901'], '1.2', 10), Refusal);
    assert.equal(parse(['SEND\n\n12345', '67890\0'], '1.2', 10)[0]?.body, '1234567890');
  });

  it('takes a large body in small chunks', () => {
    const body = Buffer.alloc(5_000_000, 'x');
    const chunks = [Buffer.from(`SEND\ncontent-length:${body.length}\n\n`)];
    for (let at = 0; at < body.length; at += 1000) chunks.push(body.subarray(at, at + 1000));
    assert.equal(parse([...chunks, '\0'], '1.2', 5_000_000)[0]?.body.length, body.length);
  });

  it('stops when it is told to', () => {
    const seen: string[] = [];
    const parser = new FrameParser(
      (frame) => {
        seen.push(frame.command);
        parser.stop();
      },
      () => undefined,
    );
    parser.push(Buffer.from('ONE\n\n\0TWO\n\n\0'));
    assert.deepEqual(seen, ['ONE']);
  });
});
