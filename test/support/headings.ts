import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './services.js';

/** The third-level headings of a page that are a name in back-quotes, with the text below each. */
export function namedSections(page: string): Map<string, string> {
  const sections = new Map<string, string>();
  const text = readFileSync(path.join(root, 'docs', page), 'utf8');
  for (const section of text.split(/^### /m).slice(1)) {
    const name = /^`([^`]+)`/.exec(section)?.[1];
    if (name === undefined) continue;
    if (sections.has(name)) throw new Error(`docs/${page} has two headings for ${name}`);
    sections.set(name, section.split(/^## /m)[0] ?? '');
  }
  return sections;
}

/** What is in one list and not in the other. */
export function difference(inCode: Iterable<string>, inDocs: Iterable<string>): { undocumented: string[]; unknown: string[] } {
  const [code, docs] = [new Set(inCode), new Set(inDocs)];
  return { undocumented: [...code].filter((name) => !docs.has(name)), unknown: [...docs].filter((name) => !code.has(name)) };
}

/** As GitHub and its like make an anchor of a heading. */
export const anchors = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
