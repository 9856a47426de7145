// The timeline of a run: live, by key, as a table.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertNoSidewaysScroll, live, onPage, project, stage, status, until } from './support/stage.mjs';
import { letGo, WORKSHOP } from './support/workshop.mjs';

const here = stage({}, WORKSHOP);

const bars = (page) => page.locator('.timeline-bar').evaluateAll((all) => all.map((bar) =>
  `${bar.closest('.timeline-row').querySelector('.timeline-who').textContent} ${bar.dataset.kind} ${bar.dataset.tone}${bar.dataset.open === 'true' ? ' …' : ''}`));
const shows = (page, wanted) => until(wanted.join(', '), async () => (await bars(page)).join(', ') === wanted.join(', '));

test('tries, pauses and waits are drawn while they happen', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { name: 'Tries', brief: 'A story', pipeline: 'workshop', start: false });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await page.keyboard.press('3');
  await page.getByText('When agents work, their times are drawn here.').waitFor();
  await page.click('#generate');
  await status(page, 'Running');
  await page.keyboard.press('3');
  await shows(page, ['Waits queued wait', 'Sketcher work standby …']);
  const wide = () => page.locator('.timeline-bar[data-kind="queued"]').evaluate((bar) => bar.getBoundingClientRect().width);
  const before = await wide();
  await until('the bars to move on', async () => (await wide()) < before);
  await letGo(here.server.folder, 'second');
  await letGo(here.server.folder, 'done');
  await status(page, 'Completed');
  const all = ['Waits queued wait', 'Sketcher work go', 'Teller work stop', 'Teller pause wait', 'Teller work go'];
  await shows(page, all);
  // The same from what the server kept.
  await page.reload();
  await page.keyboard.press('3');
  await shows(page, all);
  await page.locator('.timeline-bar').first().focus();
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowLeft', 'ArrowRight']) await page.keyboard.press(key);
  const focused = await page.evaluate(() => document.activeElement.getAttribute('aria-label'));
  assert.match(focused, /^Teller: failed, .* from .* on \(\d\d:\d\d:\d\d\)\. The pen broke\.$/);
  assert.equal(await page.locator('.timeline-says').textContent(), focused);
  assert.equal(await page.locator('.timeline-bar[tabindex="0"]').count(), 1);
  await page.getByText('As a table').click();
  // A disclosure is filled and laid out a moment after it was opened.
  await until('the same as a table', async () => {
    const rows = await page.locator('.timeline-table tbody tr').allInnerTexts();
    return rows.length === all.length && /^Teller\ttry 2 done\t/.test(rows[4]);
  });
  await page.setViewportSize({ width: 390, height: 844 });
  await assertNoSidewaysScroll(page);
}));

test('a gate and what came of it', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { name: 'Gate', brief: 'A text', pipeline: 'asking' });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await status(page, 'Waiting');
  await page.click('#tab-timeline');
  await shows(page, ['Waits queued wait', 'Waits waiting wait …', 'Writer work go', 'Writer gate standby …']);
  await page.getByRole('button', { name: 'Approve' }).click();
  await status(page, 'Completed');
  await until('the answer', async () => (await bars(page)).includes('Printer work go'));
  assert.match(await page.locator('.timeline-bar[data-kind="gate"]').getAttribute('aria-label'), /^Writer: a person was asked, .*\. Approved by /);
}));
