// Groups of the log: folded by click and by key, over what is not in the page, and never over what was searched for.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { publish } from './support/flood.mjs';
import { live, onPage, project, stage, until } from './support/stage.mjs';

const here = stage();

/** One message of lines. */
const say = (url, id, lines, agent = 'builder') => publish(url, id, [{ type: 'log', agent, level: 'info', lines }]);
const shown = (page) => page.locator('.line .n').allTextContents().then((numbers) => numbers.map(Number).sort((one, other) => one - other).join(' '));
const shows = (page, numbers) => until(`lines ${numbers}`, async () => (await shown(page)) === numbers);
const group = (page, title) => page.getByRole('button', { name: new RegExp(`^${title}`) });

test('groups fold by click and by key, within each other, and stay so', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { name: 'Groups', start: false });
  await say(url, id, ['first', '::group::Build', 'compile', '::group::Link', 'objects', '::endgroup::', 'built', '::endgroup::', 'last']);
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await shows(page, '1 2 3 4 5 6 7 8 9');
  assert.equal(await group(page, 'Build').getAttribute('aria-expanded'), 'true');
  await group(page, 'Link').click();
  await shows(page, '1 2 3 4 7 8 9');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-expanded')), 'false');
  await page.locator('.log-note', { hasText: '9 lines, 2 folded' }).waitFor();
  await group(page, 'Build').focus();
  await page.keyboard.press('Enter');
  await shows(page, '1 2 9');
  await page.keyboard.press('ArrowRight');
  await shows(page, '1 2 3 4 7 8 9');
  await page.keyboard.press('ArrowLeft');
  await shows(page, '1 2 9');
  // Others speak meanwhile, and what comes live into an open group is folded with it.
  await say(url, id, ['::group::Deploy', 'copy']);
  await say(url, id, ['by somebody else'], 'watcher');
  await shows(page, '1 2 9 10 11 12');
  await group(page, 'Deploy').click();
  await say(url, id, ['copy more', '::endgroup::', 'deployed']);
  await shows(page, '1 2 9 10 12 15');
  await page.locator('.line', { hasText: 'Deploy' }).getByText('3 lines').waitFor();
  await page.reload();
  await live(page);
  await shows(page, '1 2 9 10 12 15');
  // What is searched for is found where it is folded, and a line that is gone to is opened.
  await page.fill('[aria-label="Search in the log"]', 'objects');
  await page.locator('.line mark').waitFor();
  await page.fill('[aria-label="Search in the log"]', '');
  await shows(page, '1 2 9 10 12 15');
  await page.evaluate(() => { location.hash = '#L5'; });
  await page.locator('.line.chosen[data-n="5"]').waitFor();
  await shows(page, '1 2 3 4 5 6 7 8 9 10 12 15');
  await page.locator('.log').focus();
  await page.keyboard.press('z');
  await shows(page, '1 2 9 10 12 15');
  assert.equal(await page.getByRole('button', { name: 'Fold groups' }).getAttribute('aria-pressed'), 'true');
  await page.keyboard.press('z');
  await shows(page, '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15');
}));

test('a group whose end is far away folds, and the end is looked for', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { name: 'Far', start: false });
  const many = Array.from({ length: 1000 }, (_, at) => `step ${at}`);
  await say(url, id, ['::group::Long']);
  for (let at = 0; at < 12; at += 1) await say(url, id, [...many.slice(0, 500), '::group::Inner', 'x', '::endgroup::', ...many.slice(503)]);
  await say(url, id, ['::endgroup::']);
  await say(url, id, many);
  await page.goto(`${url}/projects/${id}#L1`);
  await page.locator('.line.chosen[data-n="1"]').waitFor();
  await group(page, 'Long').click();
  await page.locator('.log-note', { hasText: '13,002 lines, 12,001 folded' }).waitFor();
  await page.locator('.line[data-n="12003"]').waitFor();
  assert.equal(await page.locator('.line[data-n="12003"] .text').textContent(), 'step 0');
  assert.ok((await shown(page)).startsWith('1 12003 12004 '));
  await page.locator('.log').focus();
  await page.keyboard.press('End');
  await page.locator('.line[data-n="13002"]').waitFor();
}));
