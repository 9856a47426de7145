// The image demo: a picture from a prompt, watched step by step, and made again from its own recipe.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertNoSidewaysScroll, onPage, stage, until } from './support/stage.mjs';

const here = stage();
const cue = (page, text) => page.locator('.machine .cue', { hasText: text }).waitFor();

test('a prompt becomes a picture, and a picture its prompt', onPage(here, { allowed: /400/, viewport: { width: 390, height: 844 } }, async ({ page, url }) => {
  await page.goto(`${url}/intel`);
  await cue(page, 'Ready');
  await assertNoSidewaysScroll(page);
  await page.fill('#prompt', 'qwfp zxcv');
  await page.click('#generate');
  await page.locator('#prompt-error:not(:empty)').waitFor();
  await page.fill('#prompt', 'a red ball on a table');
  for (const [name, value] of [['steps', '6'], ['width', '96'], ['height', '64'], ['seed', '11']]) await page.fill(`#${name}`, value);
  await page.click('#generate');
  const seen = page.locator('.picture img');
  await seen.waitFor();
  await page.locator('progress[data-tone="go"]').waitFor();
  await cue(page, 'Ready');
  await until('the picture itself', () => seen.evaluate((image) => image.naturalWidth === 96 && image.src.endsWith('image.png')));
  await assertNoSidewaysScroll(page);

  const bytes = Buffer.from(await (await fetch(await seen.getAttribute('src'))).arrayBuffer());
  await page.fill('#prompt', '');
  await page.fill('#seed', '0');
  await page.setInputFiles('#again', { name: 'red.png', mimeType: 'image/png', buffer: bytes });
  await page.locator('#again-note', { hasText: 'The recipe of red.png' }).waitFor();
  assert.deepEqual([await page.inputValue('#prompt'), await page.inputValue('#seed')], ['a red ball on a table', '11']);
}));
