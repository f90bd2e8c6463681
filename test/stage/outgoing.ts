import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { namesIn, namesInDirq } from '@ssm/test-support';

export type Layout = 'dirq' | 'directory';

let sequence = 0;

/** Adds a plain file as a careful writer does. Returns its name, which is also its empa-id. */
export function addPlainFile(outgoing: string, body: Uint8Array): string {
  sequence += 1;
  const name = `record-${sequence.toString().padStart(6, '0')}`;
  const target = path.join(outgoing, name);
  writeFileSync(`${target}.tmp`, body);
  renameSync(`${target}.tmp`, target);
  return name;
}

/**
 * Everything that a sender has not sent yet, or holds, of either layout; what is in quarantine is not looked at. A `gone~` file was sent: a sender
 * that dies while it removes it leaves it there for a later purge. `spare~` is nobody's file.
 */
export function leftOutgoing(outgoing: string): string[] {
  const claims = namesIn(path.join(outgoing, '.claimed'))
    .filter((name) => !/^(?:gone|spare)~/.test(name))
    .map((name) => `.claimed/${name}`);
  const plain = namesIn(outgoing).filter((name) => !name.startsWith('.') && !/^[0-9a-f]{8}$/.test(name));
  return [...namesInDirq(outgoing), ...plain, ...claims];
}

/** Elements of the quarantine. */
export function quarantined(outgoing: string): string[] {
  return namesInDirq(path.join(outgoing, '.quarantine'));
}
