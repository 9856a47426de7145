// python-socketio, from a virtual environment that tests/run makes. CALLBOARD_PYTHON names its interpreter.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { startServer } from '../browser/support/server.mjs';
import { startEcho } from './support/echo.mjs';

test('python-socketio, synchronous and asynchronous', { timeout: 240000 }, async () => {
  // This client does not come back: a heartbeat that ends it because its process had to wait for half a second proves nothing.
  const [echo, house] = await Promise.all([startEcho('--ping-interval-ms', '25000', '--ping-timeout-ms', '20000'), startServer({ CALLBOARD_STORE_DURABILITY: 'system' })]);
  try {
    const script = fileURLToPath(new URL('clients.py', import.meta.url));
    const { stdout } = await promisify(execFile)(process.env.CALLBOARD_PYTHON ?? 'python3', [script, echo.url, house.url]);
    assert.match(stdout, /10 passed, 0 failed/);
  } finally {
    await Promise.all([echo.stop(), house.stop()]);
  }
});
