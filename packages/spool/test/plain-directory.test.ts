import { utimesSync, writeFileSync } from 'node:fs';
import { NormalReader } from '../src/normal-reader.js';
import { PlainDirectory } from '../src/plain-directory.js';
import { type OutgoingFixture, outgoingConformance } from './conformance-suite.js';

const BASE = 1_700_000_000;
let count = 0;

const fixture: OutgoingFixture = {
  make: (options) => new PlainDirectory({ layout: 'directory', stabilityMs: 0, ...options }),
  quarantine: (root) => new NormalReader({ path: `${root}/.quarantine` }),
  put: (root, body, index = 0) => {
    count += 1;
    const name = `file-${count}.txt`;
    writeFileSync(`${root}/${name}`, body);
    utimesSync(`${root}/${name}`, BASE + index, BASE + index);
    return name;
  },
  fileOf: (root, name) => `${root}/${name}`,
};

outgoingConformance('directory', fixture);
