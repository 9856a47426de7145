import assert from 'node:assert/strict';
import { test } from 'node:test';

import { retryCeiling, retryDelay } from '../../static/js/client/backoff.js';

test('the ceiling starts at 2 s, grows by half and stops at 30 s', () => {
  const ceilings = [0, 1, 2, 3, 6, 7, 50, 5000].map(retryCeiling);
  assert.deepEqual(ceilings, [2000, 3000, 4500, 6750, 22781.25, 30000, 30000, 30000]);
});

test('the jitter is full from the first retry on', () => {
  assert.equal(retryDelay(0, () => 0), 0);
  assert.equal(retryDelay(0, () => 0.999999), 1999);
  assert.equal(retryDelay(1, () => 0.5), 1500);
  assert.equal(retryDelay(99, () => 0.5), 15000);
});
