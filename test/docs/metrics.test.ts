import assert from 'node:assert/strict';
import { it } from 'node:test';
import { World } from '../e2e/world.js';
import { difference, namedSections } from '../support/headings.js';

interface Exposed {
  readonly type: string;
  readonly services: readonly string[];
}

/** Names and types as a scrape shows them. */
function exposedBy(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => [match[1]!, match[2]!]));
}

it('docs/metrics.md has a heading for every metric of the running services, with type and service, and for nothing else', async (test) => {
  const world = await World.create(test);
  const running = await Promise.all([world.sender(), world.receiver()]);
  const exposed = new Map<string, Exposed>();
  for (const service of running) {
    await service.ready();
    for (const [name, type] of exposedBy(await (await fetch(`${service.url}/metrics`)).text()))
      exposed.set(name, { type, services: [...(exposed.get(name)?.services ?? []), service.name] });
  }
  const sections = namedSections('metrics.md');
  assert.deepEqual(difference(exposed.keys(), sections.keys()), { undocumented: [], unknown: [] });
  for (const [name, { type, services }] of exposed) {
    assert.match(name, /^ssm_/);
    assert.match(
      sections.get(name)!,
      new RegExp(`^\`${name}\`\\n+\\*?${type}.*${services.join(', ')}`, 'i'),
      `${name}: ${type}, ${services.join(', ')}`,
    );
  }
});
