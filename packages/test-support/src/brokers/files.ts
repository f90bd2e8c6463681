import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DemoPki } from '../pki/demo.js';
import type { BrokerOptions } from './broker.js';

/** Writes configuration files where they belong. */
export function writeFiles(directory: string, files: Readonly<Record<string, string>>, { amend }: BrokerOptions): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, name), amend?.(name, text) ?? text);
}

/** The broker's certificate, its key and the CA under the names that docs/brokers.md gives them. */
export function copyCertificates(pki: DemoPki, directory: string): void {
  mkdirSync(directory, { recursive: true });
  copyFileSync(pki.broker.certificatePath, path.join(directory, 'broker.pem'));
  copyFileSync(pki.broker.keyPath, path.join(directory, 'broker-key.pem'));
  copyFileSync(pki.caPath, path.join(directory, 'ca.pem'));
}
