import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { requireTools, temporaryDirectory } from '@ssm/test-support';
import { stringify } from 'yaml';
import { type AlertRule, alertRules, CHART, chartFiles } from './files.js';
import { CASES } from './rule-cases.js';

// The alerts as Prometheus reads and evaluates them: each fires on what it is for, and on nothing beside it.

const skip = requireTools('prometheus');

const promtool = (...args: string[]): { status: number | null; output: string } => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
};

/** The alerts that have a case in which they fire, or do not. */
const named = (fires: boolean): string[] => [...new Set(CASES.filter((one) => one.fires.length > 0 === fires).map(({ alert }) => alert))];

const files = chartFiles('files/rules');

describe('the alerts of charts/ssm/files/rules', { skip }, () => {
  it('are rules that Prometheus takes', () => {
    const { status, output } = promtool('check', 'rules', '--lint=all', '--lint-fatal', ...files.map((file) => path.join(CHART, file)));
    assert.equal(status, 0, output);
  });

  it('each have a case that fires and one that does not', () => {
    const all = alertRules().map(({ alert }) => alert);
    assert.deepEqual(named(true).toSorted(), all.toSorted());
    assert.deepEqual(named(false).toSorted(), all.toSorted());
  });

  it('fire when they should', (test) => {
    const folder = temporaryDirectory(test);
    const suites = alertRules().map((rule) => writeSuite(folder, rule));
    const { status, output } = promtool('test', 'rules', ...suites);
    assert.equal(status, 0, output);
  });
});

/** The cases of one alert beside that alert alone: promtool evaluates every rule of a file each minute. Returns the path for promtool. */
function writeSuite(folder: string, { annotations: _texts, ...rule }: AlertRule): string {
  // promtool compares annotations word by word: the texts are looked at where the alerts fire for real.
  const rules = path.join(folder, `${rule.alert}.yaml`);
  writeFileSync(rules, stringify({ groups: [{ name: rule.alert, rules: [rule] }] }));
  const tests = CASES.filter(({ alert }) => alert === rule.alert).map(({ alert, series, at, fires }) => ({
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [
      { eval_time: at, alertname: alert, exp_alerts: fires.map((labels) => ({ exp_labels: { ...labels, ...rule.labels } })) },
    ],
  }));
  const suite = path.join(folder, `${rule.alert}.test.yaml`);
  writeFileSync(suite, stringify({ rule_files: [rules], evaluation_interval: '1m', tests }));
  return suite;
}
