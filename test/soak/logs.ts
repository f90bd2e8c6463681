import { readdirSync } from 'node:fs';
import path from 'node:path';
import { GrowingFile } from './growing-file.js';

/** What the services' own audit lines say, over all their starts. */
export interface LogFigures {
  /** Receipts that senders got. */
  readonly receipts: number;
  readonly stored: number;
  /** Deliveries that were found in the record, and dropped. */
  readonly duplicates: number;
  /** Deliveries that the broker itself called a repetition. */
  readonly redelivered: number;
  /** Left at the broker for trouble on the receiver's own machine. */
  readonly retries: number;
  /** By code. */
  readonly rejected: ReadonlyMap<string, number>;
}

interface AuditLine {
  readonly msg: string;
  readonly result?: string;
  readonly redelivered?: boolean;
  readonly code?: string;
}

/** `logs` holds a file a service. Lines that a kill cut off are left out. */
export function figuresOf(logs: string): LogFigures {
  const counts = { receipts: 0, stored: 0, duplicates: 0, redelivered: 0, retries: 0 };
  const rejected = new Map<string, number>();
  const note = ({ msg, result, redelivered = false, code = '' }: AuditLine): void => {
    if (msg === 'message sent') counts.receipts += 1;
    if (msg !== 'message') return;
    if (redelivered) counts.redelivered += 1;
    if (result === 'stored') counts.stored += 1;
    if (result === 'duplicate') counts.duplicates += 1;
    if (result === 'retry') counts.retries += 1;
    if (result === 'rejected') rejected.set(code, (rejected.get(code) ?? 0) + 1);
  };
  for (const name of readdirSync(logs))
    for (const line of new GrowingFile(path.join(logs, name)).read()) {
      const parsed = auditLine(line);
      if (parsed !== undefined) note(parsed);
    }
  return { ...counts, rejected };
}

function auditLine(line: string): AuditLine | undefined {
  if (!line.includes('"msg":"message')) return undefined;
  try {
    return JSON.parse(line) as AuditLine;
  } catch {
    return undefined;
  }
}
