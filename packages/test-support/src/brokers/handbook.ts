import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The page from which operators copy. The launchers do as well, so that what it says is what was tested. */
const PAGE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../../../docs/brokers.md');

/** Where the page puts things, and where a launcher does. */
export interface Placement {
  /** For `/etc/ssm-broker`. */
  readonly configuration: string;
  /** For `/var/lib/ssm-broker`. */
  readonly data: string;
  /** For 61612 and 61613. */
  readonly tlsPort: number;
  readonly plainPort: number;
}

/** Every code block of the page that has a name (the second word behind its back-quotes), as it stands there. */
export function handbook(): ReadonlyMap<string, string> {
  const blocks = [...readFileSync(PAGE, 'utf8').matchAll(/^```\S+ (\S+)\n(.*?)^```$/gms)];
  return new Map(blocks.map(([, name = '', text = '']) => [name, text]));
}

/** The blocks whose names begin with `DIRECTORY/`, by the rest of their names, with places and ports of this machine. */
export function recipes(directory: string, { configuration, data, tlsPort, plainPort }: Placement): Record<string, string> {
  const place = (text: string): string =>
    text
      .replaceAll('/etc/ssm-broker', configuration)
      .replaceAll('/var/lib/ssm-broker', data)
      .replaceAll('0.0.0.0', '127.0.0.1')
      .replaceAll('61612', String(tlsPort))
      .replaceAll('61613', String(plainPort));
  const wanted = [...handbook()].filter(([name]) => name.startsWith(`${directory}/`));
  if (wanted.length === 0) throw new Error(`docs/brokers.md has no code block ${directory}/...`);
  return Object.fromEntries(wanted.map(([name, text]) => [name.slice(directory.length + 1), place(text)]));
}
