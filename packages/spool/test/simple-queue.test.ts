import { mkdirSync, writeFileSync } from 'node:fs';
import { NormalReader } from '../src/normal-reader.js';
import { SimpleQueue } from '../src/simple-queue.js';
import { type OutgoingFixture, outgoingConformance } from './conformance-suite.js';

let count = 0;

const fixture: OutgoingFixture = {
  make: (options) => new SimpleQueue({ layout: 'dirq', ...options }),
  quarantine: (root) => new NormalReader({ path: `${root}/.quarantine` }),
  put: (root, body, index = 0) => {
    count += 1;
    const directory = `660000${index.toString(16).padStart(2, '0')}`;
    const name = `${directory}/66000000${count.toString(16).padStart(6, '0')}`;
    mkdirSync(`${root}/${directory}`, { recursive: true });
    writeFileSync(`${root}/${name}`, body);
    return name;
  },
  fileOf: (root, name) => `${root}/${name}`,
};

outgoingConformance('dirq', fixture);
