import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { requireTools, temporaryDirectory } from '@ssm/test-support';
import { stringify } from 'yaml';
import { type Dashboard, panelQueries } from './dashboards.js';
import { chartText } from './files.js';

// What the numbers of the dashboards add up, as Prometheus does it.

const skip = requireTools('prometheus');

/** The one query of a panel, with everything chosen. */
function queryOf(dashboard: string, title: string): string {
  const { panels } = JSON.parse(chartText(`files/dashboards/${dashboard}.json`)) as Dashboard;
  const [query] = panelQueries(panels).filter(({ panel }) => panel === title);
  assert.ok(query, title);
  return query.expr.replaceAll(/\$(job|instance)\b/g, '.*');
}

const pod = (name: string): string =>
  `job="${name.split('-')[0]!}", namespace="n", container="receiver", pod="${name}", instance="${name}"`;
/** Elements as each says: two pods that share a volume, two of a StatefulSet, two services on hosts, two targets each without a label of sets. */
const ELEMENTS = {
  [pod('shared-5d8f7-2xk4p')]: 1,
  [pod('shared-5d8f7-24679')]: 1,
  [pod('each-0')]: 10,
  [pod('each-1')]: 100,
  'job="ssm", instance="a:1"': 1000,
  'job="ssm", instance="b:1"': 10_000,
  'job="all", namespace="n", pod="shared-5d8f7-2xk4p", instance="a:2"': 100_000,
  'job="all", namespace="n", pod="shared-5d8f7-24679", instance="b:2"': 100_000,
  'job="all", container="receiver", pod="shared-5d8f7-2xk4p", instance="a:3"': 1_000_000,
  'job="all", container="receiver", pod="shared-5d8f7-24679", instance="b:3"': 1_000_000,
} as const;

const PANELS = [
  ['overview', 'In the reject queues', 'reject', 2_211_111],
  // Several senders always share a volume.
  ['overview', 'In quarantine', 'quarantine', 2_211_101],
  ['sender', 'In quarantine', 'quarantine', 2_211_101],
  ['sender', 'Files to be sent', 'outgoing', 2_211_101],
] as const;

describe('the numbers of charts/ssm/files/dashboards', { skip }, () => {
  for (const [dashboard, panel, queue, value] of PANELS)
    it(`count a volume once that pods share: ${dashboard}, ${panel}`, (test) => {
      const input = Object.entries(ELEMENTS).map(([labels, elements]) => ({
        series: `ssm_queue_elements{queue="${queue}", ${labels}}`,
        values: String(elements),
      }));
      const look = { expr: queryOf(dashboard, panel), eval_time: '0m', exp_samples: [{ labels: '{}', value }] };
      const suite = path.join(temporaryDirectory(test), 'test.yaml');
      writeFileSync(suite, stringify({ tests: [{ interval: '1m', input_series: input, promql_expr_test: [look] }] }));
      const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', suite], { encoding: 'utf8' });
      assert.equal(status, 0, stdout + stderr);
    });
});
