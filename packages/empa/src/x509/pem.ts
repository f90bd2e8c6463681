/** PEM text (RFC 7468): the blocks of a file, whatever stands between them. */
import { EmpaError } from '../errors.js';

export interface PemBlock {
  /** `CERTIFICATE`, `X509 CRL`, `PRIVATE KEY` ... */
  readonly label: string;
  /** The block with its BEGIN and END lines. */
  readonly text: string;
  /** What is between them, white space left out; base64 unless there are headers in it. */
  readonly body: string;
}

const BEGIN = /^-----BEGIN ([A-Z0-9 ]+)-----$/u;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/u;

export function isPem(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('-----BEGIN ');
}

/** All complete blocks; a block without its END line throws EmpaError `certificate-malformed`. */
export function pemBlocks(bytes: Uint8Array): PemBlock[] {
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1').split('\n');
  const blocks: PemBlock[] = [];
  let open: { readonly label: string; readonly lines: string[] } | undefined;
  for (const raw of lines) {
    const line = raw.trimEnd();
    if (open === undefined) {
      const label = BEGIN.exec(line)?.[1];
      if (label !== undefined) open = { label, lines: [] };
    } else if (line === `-----END ${open.label}-----`) {
      const { label } = open;
      const text = [`-----BEGIN ${label}-----`, ...open.lines, line, ''].join('\n');
      blocks.push({ label, text, body: open.lines.join('').replaceAll(/\s/gu, '') });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  if (open !== undefined) throw new EmpaError('certificate-malformed', `PEM: no END line of ${open.label}`);
  return blocks;
}

/** The DER in a block. Throws EmpaError `certificate-malformed`. */
export function derOfPem(block: PemBlock): Buffer {
  if (!BASE64.test(block.body) || block.body.length % 4 !== 0) {
    throw new EmpaError('certificate-malformed', `PEM: ${block.label} is not base64`);
  }
  return Buffer.from(block.body, 'base64');
}
