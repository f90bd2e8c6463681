/** What an element of a queue says of itself. Everything in it comes from strangers. */
import { NormalReader } from '@ssm/spool';

const MAXIMUM_TEXT = 8192;
const ELEMENT_SECONDS = { from: 1_000_000_000, ahead: 86_400 } as const;

export interface Element {
  readonly name: string;
  readonly bytes: number;
  readonly time: Date;
  readonly locked: boolean;
  /** Of a reject or a quarantined file. */
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly signer: string | undefined;
  readonly empaid: string | undefined;
  /** Of a quarantined file: what it was called. */
  readonly file: string | undefined;
}

/** Rejects with SpoolError: claim-lost when it is gone meanwhile. */
export async function readElement(path: string, name: string): Promise<Element> {
  const reader = new NormalReader({ path });
  const { files, locked, modified } = await reader.look(name);
  const text = async (key: string): Promise<string | undefined> => {
    if (!files.has(key)) return undefined;
    const bytes = await reader.peek(name, key, MAXIMUM_TEXT).catch(() => undefined);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8').trimEnd();
  };
  const [error, signer, empaid, file] = await Promise.all(['error', 'signer', 'empaid', 'name'].map(text));
  const [, code, reason] = /^([a-z0-9-]+): ([^\n]*)/.exec(error ?? '') ?? [];
  return { name, bytes: files.get('body') ?? 0, time: timeOf(name, modified), locked, code, reason: reason ?? error, signer, empaid, file };
}

/** Elements are named for the time at which they came. */
function timeOf(name: string, modified: Date): Date {
  const seconds = Number.parseInt(name.slice(9, 17), 16);
  const isTime = seconds > ELEMENT_SECONDS.from && seconds < Date.now() / 1000 + ELEMENT_SECONDS.ahead;
  return isTime ? new Date(seconds * 1000) : modified;
}
