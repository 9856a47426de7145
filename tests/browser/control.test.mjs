// Cancel, errors, keyboard, other screens.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertNoSidewaysScroll, live, onPage, project, stage, stateOf, status, until } from './support/stage.mjs';

const here = stage();

test('a run is cancelled after a question', onPage(here, { allowed: /409/ }, async ({ page, url }) => {
  const id = await project(url, { start: false });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await page.click('#generate');
  await page.locator('#cancel').waitFor();
  await page.click('#cancel');
  await page.getByRole('button', { name: 'Let it run' }).click();
  await page.locator('dialog').waitFor({ state: 'detached' });
  if (await page.locator('#cancel').isVisible()) {
    await page.click('#cancel');
    await page.getByRole('button', { name: 'Cancel the run' }).click();
  }
  // A fast machine may have finished before the question was answered; then nothing may claim a cancel.
  await until('the end', async () => (await stateOf(url, id)).state.completion !== null);
  const { state } = await stateOf(url, id);
  await status(page, state.status === 'cancelled' ? 'Cancelled' : 'Completed');
  if (state.status !== 'cancelled') return;
  await page.locator('#outcome', { hasText: 'The run was cancelled' }).waitFor();
  assert.equal(await page.locator('.agent[data-tone="standby"]').count(), 0, 'nobody looks busy');
  await page.locator('#retry').waitFor();
}));

test('a hopeless brief is answered at its field, and leaves nothing behind', onPage(here, { allowed: /40[09]|42[29]/ }, async ({ page, url }) => {
  await page.goto(url);
  await page.fill('#brief', '   ');
  await page.click('#submit');
  await page.locator('#brief-error', { hasText: 'Say what the app should do' }).waitFor();
  const before = await page.locator('.card').count();
  await page.fill('#brief', 'x'.repeat(300000));
  await page.click('#submit');
  await page.locator('#brief-error:not(:empty), #form-error:not([hidden])').first().waitFor();
  assert.equal(await page.locator('#submit').isEnabled(), true);
  await page.reload();
  assert.equal(await page.locator('.card').count(), before);
  await page.fill('#brief', 'books with title');
  await page.click('#options summary');
  await page.fill('#seed', 'seven');
  await page.keyboard.press('Control+Enter');
  await page.locator('#seed-error', { hasText: 'whole number' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'seed');
}));

test('everything can be done with the keyboard', onPage(here, {}, async ({ page, url }) => {
  await page.goto(url);
  await page.keyboard.press('n');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'brief');
  await page.keyboard.type('A plant log: plants with name and last watered date; search by name');
  await page.keyboard.press('Control+Enter');
  await page.waitForURL(/\/projects\//);
  await live(page);
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  for (const [key, tab] of [['3', 'files'], ['4', 'result'], ['5', 'runs'], ['1', 'app'], ['2', 'log']]) {
    await page.keyboard.press(key);
    assert.equal(await page.locator(`#tab-${tab}`).getAttribute('aria-selected'), 'true');
    assert.equal(await page.locator(`#panel-${tab}`).isVisible(), true);
  }
  await page.focus('#tab-log');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'tab-files');
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.type), 'search');
}));

test('nothing scrolls sideways on a phone', onPage(here, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }, async ({ page, url }) => {
  const id = await project(url);
  await page.goto(url);
  await page.locator('.card').first().waitFor();
  await assertNoSidewaysScroll(page);
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  for (const tab of ['app', 'log', 'files', 'result', 'runs']) {
    await page.tap(`#tab-${tab}`);
    await assertNoSidewaysScroll(page);
  }
  await page.tap('#help');
  await assertNoSidewaysScroll(page);
}));

test('a project is deleted unless it is taken back', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { name: 'To be thrown away', start: false });
  await page.goto(url);
  const card = page.locator(`.card[data-id="${id}"]`);
  await card.getByRole('button', { name: /^Delete/ }).click();
  await card.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Undo' }).click();
  await card.waitFor();
  await card.getByRole('button', { name: /^Delete/ }).click();
  await card.waitFor({ state: 'detached' });
  // Leaving the page carries it out.
  await page.goto('about:blank');
  await until('the project to be gone', async () => (await fetch(`${url}/api/projects/${id}`)).status === 404);
}));

test('the board finds projects and shows them live', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { name: 'Findable thing', start: false });
  await page.goto(url);
  await page.fill('#search', 'findable');
  await until('one card', async () => (await page.locator('.card').count()) === 1);
  await page.fill('#search', 'nothing is called this');
  await page.locator('#empty', { hasText: 'Nothing fits' }).waitFor();
  await page.fill('#search', '');
  await page.click(`.card[data-id="${id}"] a`);
  await page.waitForURL(`${url}/projects/${id}`);
}));

test('an address where nothing is says so', onPage(here, { allowed: /404/ }, async ({ page, url }) => {
  for (const path of ['/projects/01980000-0000-7000-8000-000000000000', '/projects/nonsense', '/nowhere']) {
    const response = await page.goto(url + path);
    assert.equal(response.status(), 404, path);
    await page.getByRole('link', { name: 'Back to the board' }).waitFor();
  }
}));

test('no page reads anything from elsewhere, and none allows inline scripts', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { start: false });
  const others = [];
  page.on('request', (request) => request.url().startsWith(url) || request.url().startsWith('blob:') || others.push(request.url()));
  for (const path of ['/', `/projects/${id}`]) {
    const response = await page.goto(url + path);
    const policy = response.headers()['content-security-policy'];
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    await page.waitForLoadState('load');
  }
  assert.deepEqual(others, []);
}));
