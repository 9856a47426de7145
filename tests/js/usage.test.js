// What models used, in words.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { usageDetail, usageText } from '../../static/js/ui/format.js';

test('what models used is said in short, and nothing where there were none', () => {
  const usage = (total_tokens, cost = null) => ({ prompt_tokens: 1000, completion_tokens: total_tokens - 1000, total_tokens, cost });
  for (const [given, expected] of [
    [null, ''], [undefined, ''], [usage(1), '1 token'], [usage(9876), '9,876 tokens'], [usage(1234567), '1.2M tokens'],
    [usage(12345, 0), '12.3K tokens · cost 0.00'], [usage(2000, 1.5), '2,000 tokens · cost 1.50'], [usage(2000, 0.000423), '2,000 tokens · cost 0.000423'],
    [usage(2000, 12.3456), '2,000 tokens · cost 12.35'],
  ]) assert.equal(usageText(given), expected);
  assert.equal(usageDetail(usage(2500)), '1,000 asked, 1,500 answered');
  assert.equal(usageDetail(null), '');
});
