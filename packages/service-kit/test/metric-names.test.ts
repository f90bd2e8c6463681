import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkMetric } from '../src/metric-names.js';

test('good names', () => {
  checkMetric('counter', 'ssm_messages_total', 'Help.', ['result']);
  checkMetric('counter', 'ssm_message_bytes_total', 'Help.', ['result']);
  checkMetric('gauge', 'ssm_certificate_expiry_timestamp_seconds', 'Help.', []);
  checkMetric('gauge', 'ssm_queue_depth', 'Help.', []);
  checkMetric('histogram', 'ssm_stage_duration_seconds', 'Help.', ['stage']);
});

test('names, units, labels and help against the conventions', () => {
  const bad: Parameters<typeof checkMetric>[] = [
    ['counter', 'messages_total', 'Help.', []],
    ['counter', 'ssm_messages', 'Help.', []],
    ['counter', 'ssm_Messages_total', 'Help.', []],
    ['counter', 'ssm__messages_total', 'Help.', []],
    ['counter', 'ssm_messages-x_total', 'Help.', []],
    ['gauge', 'ssm_depth_total', 'Help.', []],
    ['gauge', 'ssm_depth_count', 'Help.', []],
    ['gauge', 'ssm_age_ms', 'Help.', []],
    ['gauge', 'ssm_expiry_days', 'Help.', []],
    ['histogram', 'ssm_stage_duration', 'Help.', []],
    ['histogram', 'ssm_stage_milliseconds', 'Help.', []],
    ['gauge', 'ssm_depth', ' ', []],
    ['gauge', 'ssm_depth', 'Help.', ['le']],
    ['gauge', 'ssm_depth', 'Help.', ['instance']],
    ['gauge', 'ssm_depth', 'Help.', ['camelCase']],
    ['gauge', 'ssm_depth', 'Help.', ['a', 'a']],
  ];
  for (const each of bad) assert.throws(() => checkMetric(...each), TypeError, JSON.stringify(each));
});
