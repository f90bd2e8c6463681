import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { eventually, requireTools } from '@ssm/test-support';
import { suiteScope } from './docker.js';
import { Stack } from './stack.js';

describe('the profile monitoring', { skip: requireTools('docker', 'prometheus') }, () => {
  const scope = suiteScope();
  let stack: Stack;
  const ask = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`http://127.0.0.1:${stack.port('PROMETHEUS')}/api/v1/${path}`);
    return ((await answer.json()) as { data: T }).data;
  };

  before(async () => {
    stack = await Stack.create(scope, { profiles: ['monitoring'] });
    stack.copy('charts/ssm/files');
    // Without Grafana: its dashboards are tested with the chart.
    await stack.up('sender', 'receiver', 'prometheus');
  });

  it('scrapes sender, receiver and broker', async () => {
    await eventually(
      async () => {
        const { activeTargets } = await ask<{ activeTargets: { scrapePool: string; health: string }[] }>('targets');
        assert.deepEqual(activeTargets.map(({ scrapePool, health }) => `${scrapePool} ${health}`).toSorted(), [
          'rabbitmq up',
          'receiver up',
          'sender up',
        ]);
      },
      { timeout: 90_000, interval: 500, what: 'all targets up' },
    );
    // Up is what answers; ready, what was connected at its last scrape.
    await eventually(
      async () => {
        const { result } = await ask<{ result: unknown[] }>('query?query=ssm_ready==1');
        assert.equal(result.length, 2);
      },
      { timeout: 60_000, interval: 500, what: 'both services ready' },
    );
  });

  it('knows every alert rule of the chart, and none fires', async () => {
    const folder = stack.file('charts/ssm/files/rules');
    const written = readdirSync(folder).flatMap((file) => readFileSync(`${folder}/${file}`, 'utf8').match(/(?<=- alert: )\w+/g) ?? []);
    assert.ok(written.length > 0);
    const { groups } = await ask<{ groups: { rules: { name: string; state: string; health: string }[] }[] }>('rules');
    const rules = groups.flatMap((group) => group.rules);
    assert.deepEqual(rules.map(({ name }) => name).toSorted(), written.toSorted());
    assert.deepEqual(
      rules.filter(({ state }) => state === 'firing').map(({ name }) => name),
      [],
    );
  });

  it('gives Grafana files that are there', async () => {
    const config = JSON.parse(await stack.must('config', '--format', 'json')) as {
      services: { grafana: { volumes: { type: string; source: string }[] } };
    };
    const sources = config.services.grafana.volumes.filter(({ type }) => type === 'bind').map(({ source }) => source);
    assert.equal(sources.length, 3);
    for (const source of sources) assert.ok(readdirSync(source).length > 0, source);
  });
});
