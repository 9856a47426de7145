// The log under a flood: few rows, every line within reach, and the page answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { publishLines, textOf, watchKeys } from './support/flood.mjs';
import { assertNoSidewaysScroll, live, onPage, project, stage, until } from './support/stage.mjs';

const here = stage();

const LINES = 60000;
/** Rows of the page at once, whatever the log holds. */
const ROWS_MAX = 80;

const rows = (page) => page.locator('.line').count();
const chosen = (page, n) => page.locator(`.line.chosen[data-n="${n}"]`);
const inSight = (page, selector) => page.evaluate((wanted) => {
  const view = document.querySelector('.log').getBoundingClientRect();
  return [...document.querySelectorAll(wanted)].some((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return top >= view.top - 1 && bottom <= view.bottom + 1;
  });
}, selector);

async function flooded(url) {
  const id = await project(url, { name: 'Flood', start: false });
  await publishLines(url, id, 1, LINES);
  return id;
}

test('a flood is followed, left and taken up again, with few rows', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { name: 'Flood', start: false });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  const keys = await watchKeysOf(page, async () => {
    await publishLines(url, id, 1, LINES);
    await until('the end to be in sight', () => inSight(page, `.line[data-n="${LINES}"]`));
    await page.keyboard.press('f');
  });
  assert.equal(keys, 1);
  assert.equal(await page.getByRole('button', { name: 'Follow' }).getAttribute('aria-pressed'), 'false');
  assert.ok(await rows(page) <= ROWS_MAX, `${await rows(page)} rows`);
  await publishLines(url, id, LINES + 1, LINES + 5000);
  const fresh = page.getByRole('button', { name: '↓ 5,000 new lines' });
  await fresh.waitFor();
  assert.equal(await inSight(page, `.line[data-n="${LINES + 5000}"]`), false);
  await fresh.click();
  await until('the new end to be in sight', () => inSight(page, `.line[data-n="${LINES + 5000}"]`));
  assert.equal(await fresh.isVisible(), false);
  // What was skipped is loaded when somebody scrolls there, and every line is its own.
  await page.locator('.log').focus();
  await page.keyboard.press('Home');
  await until('the first lines', () => inSight(page, '.line[data-n="1"]'));
  assert.equal(await page.locator('.line[data-n="7"] .text').textContent(), textOf(7));
  assert.equal(await page.getByRole('button', { name: 'Follow' }).getAttribute('aria-pressed'), 'false');
  assert.ok(await rows(page) <= ROWS_MAX);
}));

/** Keys that were answered with a frame while something was done. */
async function watchKeysOf(page, act) {
  const measured = await watchKeys(page);
  await page.reload();
  await live(page);
  await act();
  let keys = [];
  await until('the key to be answered', async () => {
    keys = keys.concat((await measured()).keys);
    return keys.length > 0;
  });
  return keys.length;
}

test('any of many lines is gone to, by number, by link and by keyboard', onPage(here, {}, async ({ page, url }) => {
  const id = await flooded(url);
  await page.goto(`${url}/projects/${id}#L31415`);
  await chosen(page, 31415).waitFor();
  assert.ok(await inSight(page, '.line.chosen'));
  assert.equal(await chosen(page, 31415).locator('.text').textContent(), textOf(31415));
  await page.keyboard.press('g');
  await page.keyboard.type('2,718');
  await page.keyboard.press('Enter');
  await chosen(page, 2718).waitFor();
  assert.ok(await inSight(page, '.line.chosen'));
  assert.match(page.url(), /#L2718$/);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Log lines');
  await page.keyboard.press('g');
  await page.keyboard.type('99999999');
  await page.keyboard.press('Enter');
  await page.getByText('Lines go from 1 to 60,000.').waitFor();
  await page.goBack();
  await chosen(page, 31415).waitFor();
  // A reader hears where a row stands in the whole.
  const row = chosen(page, 31415);
  assert.deepEqual([await row.getAttribute('aria-posinset'), await row.getAttribute('aria-setsize'), await row.getAttribute('aria-current')], ['31415', '60000', 'true']);
  assert.equal(await page.locator('.log a[href]:not([tabindex="-1"])').count(), 0);
}));

test('the server looks through lines that are not in the page', onPage(here, {}, async ({ page, url }) => {
  const id = await flooded(url);
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await page.keyboard.press('/');
  await page.keyboard.type('NEEDLE in');
  await page.locator('.log-note', { hasText: `${LINES / 1000} lines found` }).waitFor();
  await until('only lines with the words', async () =>
    (await page.locator('.line mark').allTextContents()).every((text) => text === 'needle in') && (await page.locator('.line mark').count()) > 10);
  // Lines that come while a filter is on: those that were skipped in the flood are looked through too.
  await publishLines(url, id, LINES + 1, LINES + 10000);
  await page.locator('.log-note', { hasText: `${LINES / 1000 + 10} lines found` }).waitFor();
  await page.fill('.bar [type=search]', '');
  await page.getByLabel('Level', { exact: true }).selectOption('warning');
  await page.locator('.log-note', { hasText: 'lines found' }).waitFor();
  await until('only warnings and errors', async () =>
    (await page.locator('.line[data-n]').evaluateAll((found) => found.length > 0 && found.every(({ dataset }) => ['warning', 'error'].includes(dataset.level)))));
  // From a found line to its place in the whole.
  const n = await page.locator('.line[data-n]').nth(15).getAttribute('data-n');
  await page.locator(`.line[data-n="${n}"] .n`).click();
  await chosen(page, n).waitFor();
  assert.equal(await page.getByLabel('Level', { exact: true }).inputValue(), '');
  assert.ok(await inSight(page, `.line[data-n="${Number(n) + 1}"]`));
}));

test('long lines and bad characters harm nothing', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { name: 'Hard lines', start: false });
  const long = `${'long '.repeat(3200)}end`;
  const lines = [`${'a'.repeat(100)}\u0000\u001b[31mred\u001b[0m\u202etxt.exe`, '<img src=x onerror=alert(1)>', long.slice(0, 16000), 'after'];
  const response = await fetch(`${url}/api/projects/${id}/events`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ type: 'log', level: 'error', lines }),
  });
  assert.equal(response.status, 202, await response.text());
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await page.locator('.line[data-n="4"]').waitFor();
  assert.match(await page.locator('.line[data-n="1"] .text').textContent(), /a␀red⟨202E⟩txt\.exe$/);
  assert.equal(await page.locator('.line[data-n="2"] .text').textContent(), lines[1]);
  assert.ok((await page.locator('.line[data-n="3"] .text').textContent()).length < 1000);
  await page.locator('.line[data-n="3"]').getByRole('button', { name: /show all/ }).click();
  const dialog = page.getByRole('dialog', { name: 'Line 3' });
  await dialog.waitFor();
  assert.equal(await dialog.locator('.whole-line').textContent(), long.slice(0, 16000));
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
}));

test('the log fits a phone', onPage(here, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }, async ({ page, url }) => {
  const id = await flooded(url);
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await until('the end to be in sight', () => inSight(page, `.line[data-n="${LINES}"]`));
  await assertNoSidewaysScroll(page);
}));

test('on a phone long lines break, and every line is come by', onPage(here, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }, async ({ page, url }) => {
  const id = await project(url, { start: false });
  const lines = Array.from({ length: 80 }, (_, at) => `line ${at + 1} ${'goes on and on '.repeat(at % 7)}`);
  const answer = await fetch(`${url}/api/projects/${id}/events`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ type: 'log', lines }) });
  assert.equal(answer.status, 202, await answer.text());
  await page.goto(`${url}/projects/${id}`);
  const inside = () => page.evaluate(() => {
    const box = document.querySelector('.log').getBoundingClientRect();
    const rows = [...document.querySelectorAll('.line')].map((row) => ({ n: Number(row.dataset.n), wide: row.scrollWidth - row.clientWidth, box: row.getBoundingClientRect() }));
    return rows.filter((row) => row.box.top >= box.top - 1 && row.box.bottom <= box.bottom + 1).map(({ n, wide }) => ({ n, wide }));
  });
  await until('the end', async () => (await inside()).some(({ n }) => n === lines.length));
  const seen = new Set();
  await page.locator('.log').evaluate((view) => { view.scrollTop = 0; });
  await until('the first line', async () => (await inside()).some(({ n }) => n === 1));
  for (let last = false; !last;) {
    const rows = await inside();
    assert.ok(rows.every(({ wide }) => wide <= 0), JSON.stringify(rows));
    rows.forEach(({ n }) => seen.add(n));
    last = await page.locator('.log').evaluate(async (view) => {
      const before = view.scrollTop;
      view.scrollTop += 120;
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      return view.scrollTop === before;
    });
  }
  assert.deepEqual([...seen].sort((one, other) => one - other), lines.map((_, at) => at + 1));
}));
