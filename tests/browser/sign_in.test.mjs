// Signing in with the keyboard, a link for somebody who only reads, and signing out.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { assertNoSidewaysScroll, live, onPage, stage } from './support/stage.mjs';

const TOKEN = 'a token that this test alone knows';
const sha256 = createHash('sha256').update(TOKEN).digest('hex');
const here = stage({ CALLBOARD_AUTH_TOKENS: `operator:${sha256}` });

async function newProject(url) {
  const response = await fetch(`${url}/api/projects`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify({ name: 'Books', brief: 'Books with title and author' }),
  });
  assert.equal(response.status, 201);
  return (await response.json()).id;
}

const phone = { viewport: { width: 390, height: 780 }, colorScheme: 'dark', allowed: /401/ };

test('a person signs in with the keyboard, shares a project, and signs out', onPage(here, phone, async ({ page, url }) => {
  const id = await newProject(url);
  await page.goto(`${url}/projects/${id}`);
  await page.getByRole('heading', { name: 'Please sign in' }).waitFor();
  await assertNoSidewaysScroll(page);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'token', 'typing can begin at once');
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await page.getByText('This token is not known.').waitFor();
  await page.locator('#token').focus();
  await page.keyboard.type(TOKEN);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${url}/projects/${id}`);
  await live(page);
  assert.equal(await page.evaluate(() => document.cookie.includes('callboard_session')), false, 'no script reads the session');

  await page.click('#share');
  await page.getByRole('button', { name: 'Make a link' }).click();
  const link = await page.locator('dialog .snippet pre').innerText();
  await page.locator('dialog .shares li').waitFor();
  await assertNoSidewaysScroll(page);

  const guests = await here.browser.newContext();
  const guest = await guests.newPage();
  await guest.goto(link);
  await guest.waitForURL(`${url}/projects/${id}`);
  await live(guest);
  for (const action of ['#generate', '#edit', '#share']) {
    assert.equal(await guest.locator(action).isVisible(), false, `${action} is not for a guest`);
  }
  await page.getByRole('button', { name: 'Take back' }).click();
  await guest.locator('#connection[data-state="stopped"]').waitFor();
  await guests.close();

  await page.getByRole('button', { name: 'Close' }).click();
  await page.click('#account');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Please sign in' }).waitFor();
  await page.goto(`${url}/projects/${id}`);
  await page.getByRole('heading', { name: 'Please sign in' }).waitFor();
  assert.equal(await page.locator('#account').isVisible(), false);
}));
