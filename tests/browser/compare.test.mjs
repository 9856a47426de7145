// Files of a run beside those of an earlier one.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { assertNoSidewaysScroll, live, onPage, project, stage, stateOf, status, until } from './support/stage.mjs';

const svg = (colour) => `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="50"><rect width="80" height="50" fill="${colour}"/></svg>`;
/** An agent whose files are those of the folder `made` beside its configuration. */
const here = stage({}, {
  'callboard.toml': '[pipeline.copier]\nfile = "copier.toml"\n',
  'copier.toml': '[[agent]]\nname = "copier"\ncommand = ["{folder}/copier.sh"]\noutputs = ["**"]\n',
  'copier.sh': '#!/bin/sh\nfor file in "$(dirname "$0")"/made-*; do cp "$file" "${file##*/made-}"; done\n',
});
const lines = (more) => Array.from({ length: 60 }, (_, at) => more[at] ?? `line ${at + 1} stays as it is`).flat().join('\n') + '\n';
const make = (files) => Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(here.server.folder, `made-${name}`), text)));

test('files are the same, changed, new or gone, and the change is shown', onPage(here, {}, async ({ page, url }) => {
  await make({ 'story.txt': lines({}), 'same.txt': 'the same\n', 'picture.svg': svg('red'), 'zz-old.txt': 'soon gone\n' });
  const id = await project(url, { name: 'Copies', brief: 'copy', pipeline: 'copier' });
  await until('the first run', async () => (await stateOf(url, id)).state.completion);
  await make({ 'story.txt': lines({ 29: ['line 30 is another now', 'and has a <b>follower</b>'] }), 'picture.svg': svg('blue'), 'fresh.txt': 'new\n' });
  await writeFile(join(here.server.folder, 'copier.sh'), '#!/bin/sh\nfor file in "$(dirname "$0")"/made-*; do case "$file" in *zz-old*) ;; *) cp "$file" "${file##*/made-}";; esac; done\n');
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await page.click('#tab-files');
  assert.equal(await page.getByLabel('Compare with an earlier run').isVisible(), false, 'there is none');
  // A new seed, so that nothing is taken from the first run.
  const generated = await fetch(`${url}/api/projects/${id}/generate`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ params: { seed: 2 } }) });
  assert.equal(generated.status, 202, await generated.text());
  await until('the second run', async () => (await stateOf(url, id)).state.run.id !== undefined && (await (await fetch(`${url}/api/projects/${id}/runs`)).json()).runs[0].ended_at);
  await status(page, 'Completed');
  await page.click('#tab-files');
  const choice = page.getByLabel('Compare with an earlier run');
  await choice.selectOption({ index: 1 });
  await page.getByText('2 changed, 1 new, 1 gone, 1 same').waitFor();
  assert.deepEqual((await page.locator('.tree button').allInnerTexts()).map((text) => text.replace(/\s+/g, ' ')),
    ['fresh.txt new', 'picture.svg changed', 'story.txt changed', 'zz-old.txt gone']);
  await page.getByRole('button', { name: 'story.txt' }).click();
  const diff = page.locator('table.diff');
  await diff.waitFor();
  await page.getByText('1 line gone, 2 lines new').waitFor();
  assert.equal(await diff.getAttribute('data-wide'), 'true');
  const row = diff.locator('tr', { hasText: 'another' });
  assert.match((await row.innerText()).replace(/\s+/g, ' '), /^30 − ?(gone )?line 30 stays as it is ?30 \+ ?(new )?line 30 is another now$/);
  assert.equal(await diff.locator('td.text', { hasText: 'follower' }).textContent(), 'and has a <b>follower</b>');
  assert.deepEqual(await diff.locator('.gap').allInnerTexts(), ['26 lines the same', '27 lines the same']);
  await diff.getByRole('button', { name: '26 lines the same' }).click();
  await diff.getByText('line 1 stays as it is').first().waitFor();
  // Numbers and signs take what they need, the text has the rest; and nothing makes the page longer than it looks.
  const widths = await row.locator('td').evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().width));
  assert.ok([0, 1, 3, 4].every((at) => widths[at] < 70) && [2, 5].every((at) => widths[at] > 200), String(widths));
  const [height, foot] = await page.evaluate(() => [document.documentElement.scrollHeight, document.querySelector('main').getBoundingClientRect().bottom + scrollY]);
  assert.ok(height <= Math.max(foot + 1, 860), `${height} pixels to scroll, ${foot} of content`);
  // On a phone one below the other.
  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator('table.diff[data-wide="false"]').waitFor();
  await assertNoSidewaysScroll(page);
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.getByRole('button', { name: 'picture.svg' }).click();
  assert.deepEqual(await page.locator('.pictures figcaption').allInnerTexts().then((all) => all.map((text) => text.split(',')[0])), ['Before', 'After']);
  await until('both pictures', () => page.locator('.pictures img').evaluateAll((images) => images.length === 2 && images.every(({ naturalWidth }) => naturalWidth === 80)));
  await page.getByRole('button', { name: 'zz-old.txt' }).click();
  await page.locator('.file-body', { hasText: 'soon gone' }).waitFor();
  await page.getByLabel('Only what differs').uncheck();
  await page.getByRole('button', { name: 'same.txt' }).click();
  await page.locator('.file-body', { hasText: 'the same' }).waitFor();
  await choice.selectOption('');
  await until('the files of this run alone', async () => (await page.locator('.tree button').count()) === 4);
}));
