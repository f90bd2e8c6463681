import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { expressionsOf } from '../chart/dashboards.js';
import { alertRules, chartFiles, chartText } from '../chart/files.js';
import { renderReadme, undescribed } from '../chart/readme.js';
import { expectedSchema, type Schema } from '../chart/values-schema.js';
import { anchors, difference, namedSections } from '../support/headings.js';
import { root } from '../support/services.js';

// What the chart says of itself, and the documents of it, against its files: needs no helm.

const AGAIN = 'run npm run generate:chart';
const page = (name: string): string => readFileSync(path.join(root, 'docs', name), 'utf8');

describe('charts/ssm/README.md and values.schema.json', () => {
  it('the README is what values.yaml says', () => {
    assert.equal(chartText('README.md'), renderReadme(), AGAIN);
  });

  it('every value is described', () => {
    assert.deepEqual(undescribed(chartText('values.yaml')), []);
  });

  it('the schema has every configuration key, secret and alert, and no other', () => {
    assert.deepEqual(JSON.parse(chartText('values.schema.json')), expectedSchema(), AGAIN);
  });

  it('every property of the schema is a value, with its default', () => {
    const schema = expectedSchema();
    const missing = missingValues(schema, parse(chartText('values.yaml')), schema);
    assert.deepEqual(missing, ['global', 'enabled']);
  });

  it('is strict at every level that it describes', () => {
    assert.deepEqual(openObjects(expectedSchema()), ['$.properties.global', '$.$defs.raw', '$.$defs.raws.items']);
  });
});

const resolve = (schema: Schema, whole: Schema): Schema => {
  const { $ref } = schema;
  return typeof $ref === 'string' ? ((whole['$defs'] as Schema)[$ref.replace('#/$defs/', '')] as Schema) : schema;
};

/** Properties that values.yaml does not have, down to values that are empty mappings: those hold what the user likes. */
function missingValues(schema: Schema, value: unknown, whole: Schema, prefix = ''): string[] {
  const { properties } = resolve(schema, whole);
  const isEmpty = typeof value !== 'object' || value === null || Object.keys(value).length === 0;
  if (properties === undefined || (isEmpty && prefix !== '')) return [];
  // A security context and the like hold what Kubernetes knows, not only what is set by default.
  if (/ecurityContext$|esources$|^probes\.\w+$/.test(prefix)) return [];
  const values = value as Record<string, unknown>;
  return Object.entries(properties as Record<string, Schema>).flatMap(([name, child]) => {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    return Object.hasOwn(values, name) ? missingValues(child, values[name], whole, key) : [key];
  });
}

/** Where an object may have any properties. */
function openObjects(node: unknown, where = '$'): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const { type, additionalProperties } = node as Schema;
  const own = type === 'object' && additionalProperties === undefined ? [where] : [];
  return [...own, ...Object.entries(node).flatMap(([key, child]) => openObjects(child, `${where}.${key}`))];
}

/** The rows of the table of alerts: name, severity, expression, for. */
function alertTable(): string[][] {
  const section = page('metrics.md').split('\n## Alerts\n')[1]!.split('\n## ')[0]!;
  return section
    .split('\n')
    .filter((line) => line.startsWith('| [Ssm'))
    .map((line) => line.split(' | ').map((cell) => cell.replaceAll(/^\| |\s*\|$/g, '').trim()))
    .map(([alert = '', severity = '', expr = '', duration = '']) => [
      /^\[(\w+)\]/.exec(alert)![1]!,
      severity,
      expr.replaceAll('`', ''),
      duration,
    ]);
}

const METRIC = /\b(ssm_[a-z0-9_]+?)(?:_bucket|_sum|_count)?\b(?![a-z0-9_])/g;
const metricsIn = (expr: string): string[] => [...expr.matchAll(METRIC)].map((match) => match[1]!);

describe('the alerts of charts/ssm/files/rules', () => {
  const rules = alertRules();

  it('are the table of docs/metrics.md', () => {
    assert.deepEqual(
      alertTable(),
      rules.map((rule) => [rule.alert, rule.labels['severity'], rule.expr, rule.for ?? '']),
    );
  });

  it('have a name of their own, a severity, texts, and a section of docs/operations.md each', () => {
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    const sections = anchors(page('operations.md')).filter((anchor) => /^ssm[a-z]/.test(anchor));
    assert.deepEqual(
      difference(
        rules.map(({ alert }) => alert.toLowerCase()),
        sections,
      ),
      { undocumented: [], unknown: [] },
    );
    for (const { alert, labels, annotations } of rules) {
      assert.match(labels['severity']!, /^(warning|critical)$/, alert);
      assert.equal(annotations['runbook_url'], `docs/operations.md#${alert.toLowerCase()}`);
      for (const text of ['summary', 'description']) assert.ok((annotations[text] ?? '').length > 20, `${alert}: ${text}`);
    }
  });

  it('have the number of their annotation threshold once in the expression', () => {
    for (const { alert, expr, annotations } of rules) {
      const { threshold } = annotations;
      if (threshold !== undefined) assert.equal(expr.match(new RegExp(`\\b${threshold}\\b`, 'g'))?.length, 1, alert);
    }
  });
});

describe('rules and dashboards', () => {
  const known = [...namedSections('metrics.md').keys()];
  const dashboards = chartFiles('files/dashboards').map((file) => [file, expressionsOf(chartText(file))] as const);

  for (const [file, expressions] of [['files/rules', alertRules().map(({ expr }) => expr)] as const, ...dashboards])
    it(`${file} names only metrics of docs/metrics.md`, () => {
      const used = new Set(expressions.flatMap(metricsIn));
      assert.ok(used.size > 5, [...used].join(' '));
      assert.deepEqual(
        [...used].filter((name) => !known.includes(name)),
        [],
      );
    });
});
