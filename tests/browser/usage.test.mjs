// Tokens and cost, where a model was asked.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { live, onPage, project, stage, status } from './support/stage.mjs';
import { WORKSHOP } from './support/workshop.mjs';

const here = stage({}, WORKSHOP);

test('tokens and cost are in the head and with each agent, and nowhere without a model', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { name: 'Used', brief: 'A text', pipeline: 'asking' });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await status(page, 'Waiting');
  assert.equal(await page.locator('#usage').isVisible(), false);
  assert.equal(await page.locator('.agent .used:visible').count(), 0);
  // The record of a run whose first agent is a model; the rest of it is as the server says.
  await page.route(/\/api\/runs\/[0-9a-f-]+$/, async (route) => {
    const response = await route.fetch();
    const record = await response.json();
    const usage = { prompt_tokens: 1200, completion_tokens: 300, total_tokens: 1500, cost: 0.0315 };
    record.usage = usage;
    record.agents[0].usage = usage;
    await route.fulfill({ response, json: record });
  });
  await page.getByRole('button', { name: 'Approve' }).click();
  await status(page, 'Completed');
  await page.locator('#usage', { hasText: '1,500 tokens · cost 0.0315' }).waitFor();
  assert.equal(await page.locator('#usage').getAttribute('title'), '1,200 asked, 300 answered');
  assert.deepEqual(await page.locator('.agent .used:visible').allTextContents(), ['1,500 tokens · cost 0.0315']);
  await page.keyboard.press('p');
  await page.locator('.replay-controls').waitFor();
  assert.equal(await page.locator('#usage').isVisible(), false);
}));
