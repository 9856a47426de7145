// Offline and back: no hole, no double, the same page as one that was never away.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { holdSockets, live, onPage, project, sight, stage, stateOf, status, until } from './support/stage.mjs';

const here = stage();
const offline = /ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|WebSocket connection|Failed to load resource/;

test('a page that was offline during the run ends like one that was not', onPage(here, { allowed: offline }, async ({ page, context, url }) => {
  const id = await project(url, { start: false });
  const sockets = await holdSockets(page);
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  const steady = await (await here.browser.newContext({ viewport: { width: 1280, height: 860 } })).newPage();
  await steady.goto(`${url}/projects/${id}`);
  await live(steady);

  await page.click('#generate');
  await page.locator('.agent[data-index="1"]:not([data-tone="wait"])').waitFor();
  await context.setOffline(true);
  await sockets.cut();
  await page.locator('#connection:not([data-state="connected"])').waitFor();
  await until('the run to end', async () => (await stateOf(url, id)).state.completion !== null);
  await status(steady, 'Completed');

  await context.setOffline(false);
  await live(page);
  await status(page, 'Completed');
  // What is looked at differs in nothing but the tab that the page picked.
  assert.deepEqual(await sight(page), await sight(steady));
  const addresses = await sockets.addresses();
  assert.ok(addresses.length >= 2);
  assert.ok(addresses.slice(1).every((address) => address.includes('since=')), 'it came back with its position');
  await steady.context().close();
}));

test('every event arrives once and in order, whatever happens to the socket', onPage(here, { allowed: offline }, async ({ page, url }) => {
  const id = await project(url, { start: false });
  const sockets = await holdSockets(page);
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await page.evaluate(async (room) => {
    const { Connection } = await import(document.querySelector('script[type="module"]').src.replace(/pages\/project\.js$/, 'callboard.js'));
    window.heard = [];
    window.second = new Connection(room);
    window.second.on('*', (message) => message.seq && message.type !== 'connection' && window.heard.push(message.seq));
    window.second.connect();
  }, id);
  await until('the second connection', () => page.evaluate(() => window.second.isConnected()));
  const first = await page.evaluate(() => window.second.session.seq);
  await page.click('#generate');
  for (let turn = 0; turn < 3; turn += 1) {
    const so_far = await page.evaluate(() => window.heard.length);
    await until('more events', () => page.evaluate((count) => window.heard.length > count || window.second.state.completion, so_far));
    await sockets.cut();
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    await until('both to be back', () => page.evaluate(() => window.second.isConnected()));
  }
  await until('the end', () => page.evaluate(() => window.second.state.completion !== null));
  const heard = await page.evaluate(() => window.heard);
  assert.deepEqual(heard, heard.map((_, at) => first + 1 + at));
  const server = await stateOf(url, id);
  assert.deepEqual(await page.evaluate(() => window.second.state), server.state, 'the fold of the page is that of the server');
}));

test('a server that was killed during a run takes it up, and the page that waited shows the end', onPage(here, { allowed: offline }, async ({ page, url }) => {
  const id = await project(url, { start: false });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await page.click('#generate');
  await page.locator('.agent[data-index="2"][data-tone="go"]').waitFor();
  await here.server.kill();
  await page.locator('#connection[data-state="reconnecting"], #connection[data-state="connecting"]').waitFor();
  const kept = await sight(page);
  assert.equal(kept.agents.length, 12, 'what was there stays to be seen');
  await here.server.revive();
  await live(page);
  await status(page, 'Completed');
  const { state } = await stateOf(url, id);
  assert.equal((await sight(page)).files, String(state.artifacts_total));
  await page.reload();
  await live(page);
  await status(page, 'Completed');
  assert.equal(await page.locator('.agent[data-tone="go"]').count(), 12);
}));
