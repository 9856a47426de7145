// A run that has ended is played again on the page, and the page comes back to what is now.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertNoSidewaysScroll, live, onPage, project, sight, stage, stateOf, status, until } from './support/stage.mjs';
import { letGo, WORKSHOP } from './support/workshop.mjs';

const here = stage({}, WORKSHOP);

const slider = (page, part) => page.locator('.replay input[type=range]').evaluate((input, value) => {
  input.value = String(value * 1000);
  input.dispatchEvent(new Event('input'));
}, part);

/** What is seen, without the buttons that a replay does not have. */
async function seen(page) {
  const all = await sight(page);
  return { ...all, agents: all.agents.map((agent) => agent.replace(' Retry from here', '')) };
}

test('a run is played again, and the page ends as it was', onPage(here, {}, async ({ page, url }) => {
  await letGo(here.server.folder, 'second');
  await letGo(here.server.folder, 'done');
  const id = await project(url, { name: 'Again', brief: 'A story', pipeline: 'workshop' });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await status(page, 'Completed');
  await page.click('#tab-log');
  const lines = await page.locator('.line').count();
  const before = await seen(page);
  await page.keyboard.press('p');
  const bar = page.locator('#replay-bar');
  await bar.getByText(/of the run of .* · Completed/).waitFor();
  assert.match(await page.title(), /^Replay · /);
  // Nothing on the page acts on the run while it looks like one at work.
  assert.deepEqual(await page.locator('.actions button:visible, .retry-from:visible').count(), 0);
  if ((await bar.locator('.replay-play').textContent()) === 'Pause') await bar.locator('.replay-play').click();
  await slider(page, 0);
  await status(page, 'Queued');
  await until('no line yet', async () => (await page.locator('.line').count()) === 0);
  assert.equal(await page.textContent('#files-count'), '');
  await slider(page, 0.6);
  await status(page, 'Running');
  assert.match(await page.textContent('#timing'), /so far/);
  const middle = await seen(page);
  assert.notDeepEqual(middle, before);
  // Back and forth it is the same.
  await slider(page, 1);
  await status(page, 'Completed');
  assert.deepEqual(await seen(page), before);
  await slider(page, 0.6);
  await status(page, 'Running');
  assert.deepEqual(await seen(page), middle);
  // By key: faster, play to the end, again from the start.
  await page.locator('#main').evaluate(() => document.activeElement.blur());
  for (let at = 0; at < 6; at += 1) await page.keyboard.press('+');
  assert.equal(await bar.getByLabel('Speed').inputValue(), '50');
  await page.keyboard.press('Home');
  await status(page, 'Queued');
  await page.keyboard.press('Space');
  await status(page, 'Completed');
  await until('all lines', async () => (await page.locator('.line').count()) === lines);
  assert.deepEqual(await seen(page), before);
  assert.equal(await bar.locator('.replay-play').textContent(), 'Again');
  // What happens meanwhile is said, and is there when one comes back.
  await page.keyboard.press('Home');
  await fetch(`${url}/api/projects/${id}/generate`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' });
  await bar.getByText('Another run is at work.').waitFor();
  await until('the other run to end', async () => (await stateOf(url, id)).state.completion !== null);
  assert.equal(await page.textContent('#status'), 'Queued');
  await page.keyboard.press('Escape');
  await status(page, 'Completed');
  assert.equal(await bar.isVisible(), false);
  assert.doesNotMatch(await page.title(), /Replay/);
  await page.getByRole('button', { name: 'Generate again' }).waitFor();
  // The older one from the list of runs.
  await page.click('#tab-runs');
  await page.locator('#panel-runs tbody tr').nth(1).getByRole('button', { name: 'Replay' }).click();
  await bar.getByText('Completed').waitFor();
  await page.setViewportSize({ width: 390, height: 844 });
  await assertNoSidewaysScroll(page);
  await bar.getByRole('button', { name: 'Back to live' }).click();
  await status(page, 'Completed');
}));

test('a run whose beginning is gone says so, and one that is gone as a whole cannot be played', onPage(here, {}, async ({ page, url }) => {
  await letGo(here.server.folder, 'second');
  await letGo(here.server.folder, 'done');
  const id = await project(url, { name: 'Cut', brief: 'A story', pipeline: 'workshop' });
  await until('the end', async () => (await stateOf(url, id)).state.completion);
  // As retention would leave it: the log begins later.
  let kept = (events) => events.slice(events.findIndex(({ type, status: was }) => type === 'agent_update' && was === 'completed'));
  await page.route(/\/api\/projects\/[^/]+\/events/, async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    await route.fulfill({ response, json: { ...answer, events: kept(answer.events) } });
  });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await page.click('#tab-timeline');
  await page.getByText('The beginning of this run was removed after its time.').waitFor();
  await until('the bar of the first agent, from the record', async () => (await page.locator('.timeline-bar[data-tone="go"]').count()) === 2);
  await page.keyboard.press('p');
  const bar = page.locator('#replay-bar');
  await bar.getByText('Its beginning was removed after its time.').waitFor();
  await slider(page, 1);
  await status(page, 'Completed');
  await page.keyboard.press('Escape');
  kept = () => [];
  await page.keyboard.press('p');
  await page.getByText('Nothing of this run is kept any more').waitFor();
  assert.equal(await bar.isVisible(), false);
}));
