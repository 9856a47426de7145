// The dashboard: signing in, charts, a run that is cancelled, a client that is put out, a broadcast, alerts, the audit log.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertNoSidewaysScroll, live, onPage, project, stage, until } from './support/stage.mjs';

const TOKEN = 'the-admin-token-of-this-test';
const here = stage({ CALLBOARD_ADMIN_TOKEN: TOKEN, CALLBOARD_ALERTS_QUEUE_DEPTH: '1', CALLBOARD_ALERTS_DISK_FREE_PERCENT: '0', CALLBOARD_ALERTS_MEMORY_FREE_PERCENT: '0' });

async function signIn(page, url, tab = '') {
  await page.goto(`${url}/admin`);
  await page.getByText('You cannot see the dashboard').waitFor();
  await page.locator('#token').fill(TOKEN);
  await page.keyboard.press('Enter');
  await page.locator('#link[data-state="connected"]').waitFor();
  if (tab) await page.click(`#tab-${tab}`);
}

const post = (url, path) => fetch(url + path, { method: 'POST', headers: { Authorization: `Bearer ${TOKEN}` } });

test('an operator of the server looks after it', onPage(here, { allowed: /403/ }, async ({ page, context, url }) => {
  await post(url, '/api/queue/pause');
  const id = await project(url);
  const viewer = await context.newPage();
  await viewer.goto(`${url}/projects/${id}`);
  await live(viewer);
  await signIn(page, url);

  const alert = page.locator('.alert', { hasText: 'The queue is long' });
  await alert.waitFor();
  await alert.getByRole('button', { name: /Acknowledge/ }).click();
  await alert.getByText('admin took notice').waitFor();
  await until('a chart with a line', () => page.evaluate(() => document.querySelector('.plot path').getAttribute('d').length > 10));
  assert.match(await page.locator('.chart desc').first().textContent(), /Delivered: now/);
  await page.locator('.tile', { hasText: 'Waiting' }).getByText('queue paused').waitFor();

  await page.click('#say');
  await page.getByRole('textbox', { name: 'Message' }).fill('Back at noon');
  await page.locator('dialog').getByRole('button', { name: 'Broadcast' }).click();
  await page.getByText('clients were told').waitFor();
  await viewer.getByText('Back at noon').waitFor();

  await page.click('#tab-rooms');
  await page.getByRole('button', { name: 'Tail Reading list' }).click();
  await page.locator('.tail-lines li', { hasText: 'joined at' }).waitFor();
  await page.click('#tab-runs');
  await page.getByRole('button', { name: /Cancel the run/ }).click();
  await page.locator('dialog').getByRole('button', { name: 'Cancel the run' }).click();
  await page.locator('.run', { hasText: 'Cancelled' }).waitFor();
  await page.click('#tab-rooms');
  await page.locator('.tail-lines li[data-type="completion"]').waitFor();
  await page.click('#queue-switch');
  await page.getByRole('button', { name: 'Pause queue' }).waitFor();

  await page.click('#tab-clients');
  const client = page.locator('.client', { hasText: 'Reading list' });
  // The tail reads the room as well; the page that looks on is the other one.
  const { clients } = await (await fetch(`${url}/websocket/clients?surface=room`, { headers: { Authorization: `Bearer ${TOKEN}` } })).json();
  assert.equal(clients.length, 2);
  const first = clients.find(({ who }) => who === 'operator') ?? clients.at(-1);
  await client.first().waitFor();
  await page.locator(`.client[data-id="${first.id}"]`).getByRole('button', { name: /Disconnect/ }).click();
  await page.getByRole('textbox', { name: 'Why' }).fill('a test');
  await page.locator('dialog').getByRole('button', { name: 'Disconnect' }).click();
  await viewer.locator('#connection[data-state="stopped"]').waitFor();
  await page.locator('.past-client', { hasText: 'disconnected by admin: a test' }).waitFor();

  await page.click('#tab-audit');
  for (const deed of ['disconnected a client', 'cancelled a run', 'broadcast a message', 'acknowledged an alert', 'paused the queue', 'let the queue go on']) {
    await page.locator('.deed', { hasText: deed }).first().waitFor();
  }
  await page.click('#tab-overview');
  await page.locator('summary', { hasText: 'Recently over' }).waitFor();
  await assertNoSidewaysScroll(page);
}));

test('it works from a phone, and the keyboard goes through its tabs', onPage(here, { allowed: /403/, viewport: { width: 360, height: 740 }, colorScheme: 'dark', hasTouch: true }, async ({ page, url }) => {
  await signIn(page, url);
  await page.locator('#tab-overview').focus();
  for (const name of ['runs', 'rooms', 'clients', 'audit']) {
    await page.keyboard.press('ArrowRight');
    await page.locator(`#panel-${name}`).waitFor();
    await assertNoSidewaysScroll(page);
  }
  await page.keyboard.press('Home');
  await page.locator('.chart summary').first().click();
  await page.locator('.chart td').first().waitFor();
  await assertNoSidewaysScroll(page);
}));

test('nothing is said to be empty before the first figures', onPage(here, { allowed: /403|ERR_FAILED|xhr poll error/ }, async ({ page, url }) => {
  await signIn(page, url);
  await page.routeWebSocket(/socket\.io/, () => {});
  await page.route(/\/socket\.io\/\?/, (route) => route.abort());
  await page.reload();
  for (const [tab, claim] of [['runs', 'Nothing is running'], ['rooms', 'Nobody is watching'], ['clients', 'Nobody is connected']]) {
    await page.click(`#tab-${tab}`);
    await page.getByText(claim).waitFor({ state: 'attached' });
    assert.equal(await page.getByText(claim).isVisible(), false, claim);
  }
  await page.unrouteAll();
  await page.goto('about:blank');
  const other = await page.context().newPage();
  await other.goto(`${url}/admin`);
  await other.locator('#tab-rooms').click();
  await other.getByText('Nobody is watching').waitFor();
}));
