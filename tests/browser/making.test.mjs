// The picture that an agent is making: step by step, then the one it handed on.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertNoSidewaysScroll, live, onPage, project, stage, status, until } from './support/stage.mjs';
import { letGo, WORKSHOP } from './support/workshop.mjs';

const here = stage({}, WORKSHOP);

test('a run that ends before the picture is there leaves how far it came, also for who comes later', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { name: 'Half a picture', brief: 'A picture', pipeline: 'workshop', start: false });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  const box = page.locator('#making');
  await page.click('#generate');
  await box.getByText('Step 2 of 9').waitFor();
  await page.click('#cancel');
  await page.getByRole('button', { name: 'Cancel the run' }).click();
  await status(page, 'Cancelled');
  const seen = async (what) => {
    await box.getByText('Sketcher came this far').waitFor();
    const address = await box.locator('.making-picture img').getAttribute('src');
    assert.match(address, /^\/api\/runs\/[^/]+\/files\//, what);
    assert.equal((await fetch(url + address)).status, 200, what);
    assert.equal(await box.locator('progress').isVisible(), false, what);
  };
  await seen('where it was watched');
  await page.reload();
  await live(page);
  await seen('after coming back');
  // A picture that was never finished is no result.
  const { files } = await (await fetch(`${url}/api/projects/${id}/files`)).json();
  assert.deepEqual(files, []);
}));

test('a preview is seen while it is made, and the result takes its place', onPage(here, { viewport: { width: 390, height: 844 } }, async ({ page, url }) => {
  const id = await project(url, { name: 'Pictures', brief: 'A picture', pipeline: 'workshop', start: false });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  const box = page.locator('#making');
  assert.equal(await box.isVisible(), false);
  await page.click('#generate');
  await box.getByText('Step 2 of 9').waitFor();
  const first = await box.locator('.making-picture img').getAttribute('src');
  assert.equal(await box.locator('progress').evaluate((bar) => bar.value / bar.max), 2 / 9);
  await letGo(here.server.folder, 'second');
  await box.getByText('Step 7 of 9').waitFor();
  await until('the newer picture', async () => (await box.locator('.making-picture img').getAttribute('src')) !== first);
  // Who comes in the middle sees it too.
  await page.reload();
  await box.getByText('Sketcher is making this').waitFor();
  await assertNoSidewaysScroll(page);
  assert.ok((await box.boundingBox()).height < 844 * 0.8, 'it leaves room for the rest of the page');
  await page.getByRole('button', { name: /Show it large/ }).focus();
  await page.keyboard.press('Enter');
  await page.locator('dialog img').waitFor();
  await page.keyboard.press('Escape');
  await letGo(here.server.folder, 'done');
  await box.getByText('out/final.svg').waitFor();
  await until('the picture that was made', async () => /out\/final\.svg/.test(await box.locator('.making-picture img').getAttribute('src')));
  assert.equal(await box.locator('progress').isVisible(), false);
  await status(page, 'Completed');
  await box.getByRole('button', { name: 'Open in files' }).click();
  await page.locator('.file-head', { hasText: 'out/final.svg' }).waitFor();
  // This pipeline builds no app: no tab promises one, and its keys do nothing.
  assert.deepEqual(await page.locator('#tabs [role="tab"]:visible').evaluateAll((tabs) => tabs.map((tab) => tab.id)), ['tab-pictures', 'tab-log', 'tab-timeline', 'tab-files', 'tab-runs']);
  await page.keyboard.press('1');
  assert.equal(await page.locator('#tab-files').getAttribute('aria-selected'), 'true');
  await page.locator('#tab-files').press('ArrowRight');
  assert.equal(await page.locator('#tab-runs').getAttribute('aria-selected'), 'true');
  // What was made is seen as pictures, small and large.
  await page.keyboard.press('7');
  const cards = page.locator('#panel-pictures .gallery-card');
  const made = await cards.count();
  assert.ok(made >= 1);
  assert.equal(await page.locator('#pictures-count').textContent(), String(made));
  const card = page.getByRole('button', { name: 'Show out/final.svg large' });
  await until('the picture is loaded', () => card.locator('img').evaluate((image) => image.complete && image.naturalWidth > 0));
  await card.click();
  await page.locator('dialog h2', { hasText: 'out/final.svg' }).waitFor();
  await assertNoSidewaysScroll(page);
  await page.keyboard.press('ArrowRight');
  await page.locator('dialog').getByRole('button', { name: 'Open in files' }).click();
  assert.equal(await page.locator('#tab-files').getAttribute('aria-selected'), 'true');
}));
