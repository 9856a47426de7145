// The official client in Chromium, as `/socket.io/socket.io.js` serves it: polling, WebSocket, upgrade, another origin.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import { onPage, project, stage, until } from './support/stage.mjs';

// Pages of this origin may connect as well. Its port has to be known before the server starts.
const other = createServer((_, response) => {
  response.setHeader('Content-Type', 'text/html');
  response.end('<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">');
}).listen(0, '127.0.0.1');
await once(other, 'listening');
const origin = `http://127.0.0.1:${other.address().port}`;
const here = stage({ CALLBOARD_HTTP_ALLOWED_ORIGINS: origin, CALLBOARD_STORE_DURABILITY: 'system' });
after(() => other.close());

/** Connects in the page and follows a task; answers what it heard. */
async function follow(page, options, task, url) {
  return page.evaluate(async ([options, task, url]) => {
    const socket = window.io(url, { forceNew: true, ...options });
    const names = [];
    socket.onAny((name) => names.push(name));
    const done = new Promise((resolve, reject) => {
      socket.once('task_completed', resolve);
      socket.once('connect_error', reject);
    });
    const joined = await socket.emitWithAck('join_task', { task_id: task });
    const { results } = await done;
    const transport = socket.io.engine.transport.name;
    socket.disconnect();
    return { joined: joined.task_id, status: results.status, names, transport };
  }, [options, task, url]);
}

async function run(url) {
  const id = await project(url);
  return until('the run', async () => (await (await fetch(`${url}/api/projects/${id}/runs`)).json()).runs?.[0]?.id);
}

for (const [way, transports] of Object.entries({ polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] })) {
  test(`${way} from our own page`, onPage(here, {}, async ({ page, url }) => {
    await page.goto(url);
    await page.addScriptTag({ url: '/socket.io/socket.io.js' });
    const task = await run(url);
    const heard = await follow(page, { transports }, task, url);
    assert.deepEqual([heard.joined, heard.status], [task, 'completed']);
    for (const name of ['connected', 'status', 'progress_update']) assert.ok(heard.names.includes(name), name);
    assert.equal(heard.transport, way === 'polling' ? 'polling' : 'websocket');
  }));

  test(`${way} from a page of a configured origin`, onPage(here, {}, async ({ page, url }) => {
    await page.goto(origin);
    await page.addScriptTag({ url: `${url}/socket.io/socket.io.js` });
    const task = await run(url);
    // This header makes the browser ask first.
    const heard = await follow(page, { transports, extraHeaders: { 'Idempotency-Key': 'x' } }, task, url);
    assert.deepEqual([heard.joined, heard.status], [task, 'completed']);
  }));
}
