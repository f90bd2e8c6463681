import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { receiverSettings } from '@ssm/receiver';
import { senderSettings } from '@ssm/sender';
import { describeSettings, renderHelp, type SettingDescription } from '@ssm/service-kit';
import { difference, namedSections } from '../support/headings.js';

interface Key extends SettingDescription {
  /** As `--help` shows it; empty: there is none. */
  readonly shownDefault: string;
}

function keysOf(service: string, settings: Parameters<typeof describeSettings>[0]): ReadonlyMap<string, Key> {
  const help = renderHelp({ name: service, version: '0' }, settings);
  return new Map(
    describeSettings(settings).map((setting) => {
      const lines = help.slice(help.indexOf(`\n  --${setting.key}=`) + 1).split('\n', 3);
      return [setting.key, { ...setting, shownDefault: /^ *Default (.*); SSM_/.exec(lines[2] ?? '')?.[1] ?? '' }];
    }),
  );
}

const services = new Map([
  ['sender', keysOf('sender', senderSettings)],
  ['receiver', keysOf('receiver', receiverSettings)],
]);
const names = [...new Set([...services.values()].flatMap((keys) => [...keys.keys()]))];

/** What the first line of a key must say of its default in one of the services. */
function defaultTexts(service: string, { required, requiredFor, shownDefault }: Key): readonly string[] {
  if (shownDefault === '' && requiredFor !== undefined) return [`; required with \`${requiredFor.key}: ${requiredFor.value}\`;`];
  if (shownDefault === '') return [required ? '; required;' : '; default empty;'];
  return [`; default \`${shownDefault}\`;`, `\`${shownDefault}\` for the ${service}`];
}

describe('docs/configuration.md', () => {
  const sections = namedSections('configuration.md');

  it('has a heading for every key, and for nothing else', () => {
    assert.deepEqual(difference(names, sections.keys()), { undocumented: [], unknown: [] });
  });

  for (const name of names)
    it(`${name}: the services, the environment variable and the default are as in the code`, () => {
      const [, line = ''] = /^`.*`\n+(.*)\n/.exec(sections.get(name) ?? '') ?? [];
      const having = [...services].filter(([, keys]) => keys.has(name)).map(([service]) => service);
      assert.ok(line.startsWith(`${having.join(', ')}; `), line);
      for (const [service, keys] of services) {
        const key = keys.get(name);
        if (key === undefined) continue;
        assert.ok(line.includes(`\`${key.env}\``), `${key.env} is not named: ${line}`);
        assert.equal(line.includes(`\`${key.env}_FILE\``), key.secret, 'a secret can be given in a file');
        const texts = defaultTexts(service, key);
        assert.ok(
          texts.some((text) => line.includes(text)),
          `none of ${texts.join(', ')}: ${line}`,
        );
      }
    });

  it('names no mode that is refused', () => {
    const modes = [...services.values()].flatMap((keys) =>
      [...keys.values()].filter(({ format }) => format === 'mode').map(({ key }) => key),
    );
    assert.notEqual(modes.length, 0);
    const named = modes.flatMap((key) => [...(sections.get(key) ?? '').matchAll(/`([0-7]{3,5})`/g)].map(([, mode = '']) => mode));
    assert.deepEqual(
      named.filter((mode) => !mode.startsWith('0')),
      [],
    );
  });

  it('says of every key what it does', () => {
    const bare = [...sections].filter(([, text]) => text.split('\n').slice(2).join(' ').trim().length < 40).map(([key]) => key);
    assert.deepEqual(bare, []);
  });
});
