import { Buffer } from 'node:buffer';
import { type Seeded, seeded } from '../stage/seeded.js';

export const LARGEST = 1_000_000;

/** Sizes at which implementations count wrongly. */
const EDGES = [0, 0, 1, 2, 3, 76, 77, 998, 999, 4095, 4096, 65_535, 65_536, 65_537, LARGEST];

/** As records have them: as many between 10 and 100 bytes as between 10 kB and 100 kB. */
function someSize(random: Seeded): number {
  if (random.next() < 0.1) return random.pick(EDGES);
  return Math.floor((LARGEST + 1) ** random.next()) - 1;
}

const SIGNED = [
  'MIME-Version: 1.0',
  'Content-Type: multipart/signed; protocol="application/x-pkcs7-signature"; micalg="sha-256"; boundary="----AB"',
  '',
  'This is an S/MIME signed message',
  '',
  '------AB',
  'Content-Type: text/plain',
  '',
  'not the message',
  '------AB',
  'Content-Type: application/x-pkcs7-signature; name="smime.p7s"',
  'Content-Transfer-Encoding: base64',
  '',
  'MIIBAA==',
  '------AB--',
  '',
].join('\r\n');

/** Texts that a bad implementation changes on their way: a few lines each, repeated up to the size. */
const TEXTS: readonly string[] = [
  'crlf\r\nlf\ncr\rboth\n\r\r\n\n',
  '\0nul\0\0',
  'one line without an end ',
  ' \t blanks at both ends \t \n\n\n',
  SIGNED,
  'Content-Type: application/pkcs7-mime; smime-type=signed-data\nContent-Transfer-Encoding: base64\n\nMIIB\n',
  'MESSAGE\nmessage-id:1\ncontent-length:3\n\nabc\0\nACK\nid:1\n\n\0\n',
  '=3D=\r\n=0A =20\n=\n==',
  '.\r\n..\r\nFrom here\r\n-- \r\n.\r\n',
  '\uFEFFZürich Öl, 中文, 🙂\u2028\n',
  'SitE: x\nCpuDuration: 100\n%%\n',
];

function filled(text: Buffer, size: number): Buffer {
  const body = Buffer.alloc(size);
  for (let at = 0; at < size; at += text.length) text.copy(body, at);
  return body;
}

/** Half of the files are random bytes, the others look like something. */
function contents(random: Seeded, size: number): Buffer {
  const kind = random.next();
  if (kind < 0.5) return random.bytes(size);
  // The same in many files: none of them may be taken for a copy of another.
  if (kind < 0.55) return Buffer.from('the same in many files\n');
  if (kind < 0.6) return filled(Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x0d]), size);
  const text = filled(Buffer.from(random.pick(TEXTS)), size);
  // Half of these differ from each other in one place.
  if (size > 0 && random.next() < 0.5) text[random.between(0, size - 1)] = random.between(0, 255);
  return text;
}

/** File number `index` of a seed: 0 to {@link LARGEST} bytes. */
export function bodyOf(seed: string, index: number): Buffer {
  const random = seeded(`${seed} file ${index}`);
  return contents(random, someSize(random));
}
