import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commonSettings, describeSettings, renderHelp } from '../src/index.js';

test('help names every setting, variable and default', () => {
  const settings = commonSettings({ opsPort: 9101 });
  const text = renderHelp({ name: 'sender', version: '1.2.3' }, settings);
  for (const { key, env, doc } of describeSettings(settings)) {
    assert.ok(text.includes(`--${key}=`), key);
    assert.ok(text.includes(env), env);
    assert.ok(text.includes(doc), doc);
  }
  assert.match(text, /sender 1\.2\.3/);
  assert.match(text, /SSM_BROKER_PASSCODE_FILE/);
  assert.match(text, /Default 64MiB; SSM_BROKER_BYTE_BUDGET/);
  assert.match(text, /--log\.level=debug\|info\|warn\|error/);
});
