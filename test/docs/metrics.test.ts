import assert from 'node:assert/strict';
import { it } from 'node:test';
import { World } from '../e2e/world.js';
import { difference, namedSections } from '../support/headings.js';

interface Exposed {
  readonly type: string;
  readonly services: readonly string[];
  readonly labels: ReadonlySet<string>;
}

/** Names and types as a scrape shows them. */
function exposedBy(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => [match[1]!, match[2]!]));
}

/** Labels of the series of a metric that are there; `le` belongs to the format. */
function labelsIn(text: string, name: string): string[] {
  const series = [...text.matchAll(new RegExp(`^${name}(?:_bucket)?\\{(.*)\\} `, 'gm'))];
  return series.flatMap(([, labels = '']) => [...labels.matchAll(/(\w+)="/g)].map((match) => match[1]!)).filter((label) => label !== 'le');
}

it('docs/metrics.md has a heading for every metric of the running services, with type, services and labels, and for nothing else', async (test) => {
  const world = await World.create(test);
  const running = await Promise.all([world.sender(), world.receiver()]);
  const exposed = new Map<string, Exposed>();
  for (const service of running) {
    await service.ready();
    const text = await (await fetch(`${service.url}/metrics`)).text();
    for (const [name, type] of exposedBy(text)) {
      const before = exposed.get(name);
      const labels = new Set([...(before?.labels ?? []), ...labelsIn(text, name)]);
      exposed.set(name, { type, services: [...(before?.services ?? []), service.name], labels });
    }
  }
  const sections = namedSections('metrics.md');
  assert.deepEqual(difference(exposed.keys(), sections.keys()), { undocumented: [], unknown: [] });
  for (const [name, { type, services, labels }] of exposed) {
    const section = sections.get(name)!;
    assert.match(name, /^ssm_/);
    assert.equal(
      section.split('\n').find((line, index) => index > 0 && line !== ''),
      `*${type}*; ${services.join(', ')}`,
      name,
    );
    assert.deepEqual(
      [...labels].filter((label) => !section.includes(`\`${label}\``)),
      [],
      `labels of ${name}`,
    );
  }
});
