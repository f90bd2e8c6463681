import { parse } from 'yaml';
import { chartText } from './files.js';

// charts/ssm/README.md is made from values.yaml: a line "# --" describes the value below it.

interface Described {
  readonly key: string;
  readonly text: string;
}

/** Described values in the order of the file; a key without a description belongs to the one above it, or is a group. */
function describedValues(values: string): Described[] {
  const found: Described[] = [];
  const parents: { readonly indent: number; readonly name: string }[] = [];
  let text: string | undefined;
  for (const line of values.split('\n')) {
    const [, comment] = /^ *# -- (.*)$/.exec(line) ?? [];
    if (comment !== undefined) text = comment;
    const [, spaces = '', name] = /^( *)([A-Za-z]\w*):/.exec(line) ?? [];
    if (name === undefined) continue;
    while ((parents.at(-1)?.indent ?? -1) >= spaces.length) parents.pop();
    parents.push({ indent: spaces.length, name });
    if (text !== undefined) found.push({ key: parents.map((parent) => parent.name).join('.'), text });
    text = undefined;
  }
  return found;
}

/** The dotted keys of every value that is no mapping, or an empty one. */
function leaves(value: unknown, prefix = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0) return [prefix];
  return Object.entries(value).flatMap(([name, child]) => leaves(child, prefix === '' ? name : `${prefix}.${name}`));
}

/** Values that no description covers. */
export function undescribed(values: string): string[] {
  const keys = describedValues(values).map(({ key }) => key);
  return leaves(parse(values)).filter((leaf) => !keys.some((key) => leaf === key || leaf.startsWith(`${key}.`)));
}

const valueAt = (values: unknown, key: string): unknown =>
  key.split('.').reduce<unknown>((group, part) => (group as Record<string, unknown>)[part], values);

const HEAD = `# ssm

A chart for SSM, the Secure STOMP Messenger: a sender, a receiver, or both.

\`\`\`sh
helm install site charts/ssm -n accounting --create-namespace -f my-values.yaml
helm test site -n accounting --logs
\`\`\`

How to fill in \`my-values.yaml\`, from nothing to the first message: [docs/kubernetes.md](../../docs/kubernetes.md). Examples: [ci/](ci). The alerts: [files/rules](files/rules); the
dashboards: [files/dashboards](files/dashboards). A misspelt value is an error, also inside \`sender.config\` and \`receiver.config\`.

This page is made from [values.yaml](values.yaml) by \`npm run generate:chart\`; a test compares them.

## Values

| value | default | what it is |
| --- | --- | --- |
`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

export function renderReadme(): string {
  const values = chartText('values.yaml');
  const defaults: unknown = parse(values);
  const rows = describedValues(values).map(
    ({ key, text }) => `| \`${key}\` | \`${cell(JSON.stringify(valueAt(defaults, key)))}\` | ${cell(text)} |\n`,
  );
  return HEAD + rows.join('');
}
