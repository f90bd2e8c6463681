import assert from 'node:assert/strict';
import { eventually } from '@ssm/test-support';
import { type Dashboard, panelQueries } from './dashboards.js';
import type { Prometheus, Series } from './prometheus.js';

export interface Recorded {
  readonly prometheus: Prometheus;
  readonly from: Date;
}

/** An increase shows at the second scrape after it. */
const PATIENCE = { timeout: 20_000, interval: 500 };

/** As Grafana puts its variables in: everything is chosen, and a rate looks at some scrapes. */
function withVariables(expr: string): string {
  const whole = expr.replaceAll('$__rate_interval', '15s').replaceAll(/\$(job|instance)\b/g, '.*');
  assert.doesNotMatch(whole, /\$/, `a variable that is not known: ${expr}`);
  return whole;
}

/** The series of a query since then; false: there is none with a value. */
async function seriesOf(prometheus: Prometheus, expr: string, from: Date): Promise<Series[] | false> {
  const series = (await prometheus.range(expr, from, new Date())).filter(({ values }) => values.some(([, value]) => value !== 'NaN'));
  return series.length > 0 && series;
}

/** Every query has an answer, with every label that the legend names; every variable has values. */
export async function checkDashboard(json: string, { prometheus, from }: Recorded): Promise<void> {
  const { panels, templating, title } = JSON.parse(json) as Dashboard;
  for (const { panel, expr, legendFormat = '' } of panelQueries(panels)) {
    const where = `${title}, ${panel}: ${expr}`;
    const series = await eventually(async () => await seriesOf(prometheus, withVariables(expr), from), {
      ...PATIENCE,
      what: `data for ${where}`,
    });
    for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
      assert.ok(
        series.every(({ metric }) => (metric[label] ?? '') !== ''),
        `no label ${label} in ${where}`,
      );
  }
  for (const { name, type, query = '' } of templating.list.filter((variable) => variable.type === 'query')) {
    const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
    assert.equal(type, 'query');
    assert.notDeepEqual(await prometheus.labelValues(withVariables(selector), label), [], `no value for ${title}, $${name}`);
  }
}
