import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { root } from '../support/services.js';

export const CHART = path.join(root, 'charts', 'ssm');

/** Text of a file of the chart. */
export const chartText = (file: string): string => readFileSync(path.join(CHART, file), 'utf8');

/** Paths of the files of a folder of the chart, below the chart, in order. */
export const chartFiles = (folder: string): string[] =>
  readdirSync(path.join(CHART, folder))
    .toSorted()
    .map((name) => `${folder}/${name}`);

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly AlertRule[] }[];
}

/** Every alert of the rule files, in order. */
export function alertRules(): AlertRule[] {
  const files = chartFiles('files/rules').map((file) => parse(chartText(file)) as RuleFile);
  return files.flatMap(({ groups }) => groups.flatMap(({ rules }) => rules));
}
