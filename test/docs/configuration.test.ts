import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { receiverSettings } from '@ssm/receiver';
import { senderSettings } from '@ssm/sender';
import { describeSettings } from '@ssm/service-kit';
import { difference, namedSections } from '../support/headings.js';

const sender = new Map(describeSettings(senderSettings).map((setting) => [setting.key, setting]));
const receiver = new Map(describeSettings(receiverSettings).map((setting) => [setting.key, setting]));
const keys = [...new Set([...sender.keys(), ...receiver.keys()])];

describe('docs/configuration.md', () => {
  const sections = namedSections('configuration.md');

  it('has a heading for every key, and for nothing else', () => {
    assert.deepEqual(difference(keys, sections.keys()), { undocumented: [], unknown: [] });
  });

  for (const key of keys)
    it(`${key}: the services, the environment variable and the default are as in the code`, () => {
      const text = sections.get(key) ?? '';
      const services = [sender.has(key) ? 'sender' : '', receiver.has(key) ? 'receiver' : ''].filter((name) => name !== '');
      assert.match(text, new RegExp(`^\`${key}\`\\n+${services.join(', ')};`));
      for (const setting of [sender.get(key), receiver.get(key)]) {
        if (setting === undefined) continue;
        assert.ok(text.includes(`\`${setting.env}\``), `${setting.env} is not named`);
        assert.ok(
          text.includes(`default \`${setting.defaultText}\``) || text.includes(`\`${setting.defaultText}\` for the`),
          `default ${setting.defaultText} is not named`,
        );
      }
    });
});
