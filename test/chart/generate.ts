import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { CHART } from './files.js';
import { renderReadme } from './readme.js';
import { expectedSchema } from './values-schema.js';

// npm run generate:chart: README.md and the known parts of values.schema.json, after values, settings or alerts have changed.

const WIDTH = 140;

/** JSON with what fits on one line. */
function print(value: unknown, indent = '', room = WIDTH): string {
  const line = JSON.stringify(value, undefined, 1).replaceAll(/\n\s*/g, ' ').replaceAll('[ ', '[').replaceAll(' ]', ']');
  if (indent.length > 2 && line.length <= room - indent.length) return line;
  if (typeof value !== 'object' || value === null) return line;
  const inner = `${indent}  `;
  const entries = Array.isArray(value)
    ? value.map((item) => `${inner}${print(item, inner)}`)
    : Object.entries(value).map(([key, item]) => `${inner}${JSON.stringify(key)}: ${print(item, inner, WIDTH - key.length - 5)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return `${open}\n${entries.join(',\n')}\n${indent}${close}`;
}

writeFileSync(path.join(CHART, 'README.md'), renderReadme());
writeFileSync(path.join(CHART, 'values.schema.json'), `${print(expectedSchema())}\n`);
