// Cancel, errors, keyboard, other screens.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertNoSidewaysScroll, live, onPage, project, stage, stateOf, status, until } from './support/stage.mjs';

const here = stage({ CALLBOARD_RUNS_CONCURRENCY: '1' });

/** Many things to keep: the verifier has work for a while. */
const LONG_BRIEF = ['books', 'films', 'songs', 'games', 'recipes']
  .map((things) => `${things} with title, maker, status (new, begun, done) and rating 1 to 5; search ${things} by title; filter ${things} by status; sort ${things} by rating`)
  .join('; ');

test('a run that waits is cancelled after a question, and taken up by a retry', onPage(here, {}, async ({ page, url }) => {
  // One run is at work at a time, so this one waits behind the others, however fast the machine is.
  const ahead = [];
  for (let at = 0; at < 4; at += 1) ahead.push(await project(url, { name: `Ahead ${at}` }));
  const id = await project(url, { start: false });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await page.click('#generate');
  await status(page, 'Queued');
  await page.click('#cancel');
  await page.getByRole('button', { name: 'Let it run' }).click();
  await page.locator('dialog').waitFor({ state: 'detached' });
  await page.click('#cancel');
  await page.getByRole('button', { name: 'Cancel the run' }).click();
  await status(page, 'Cancelled');
  await page.locator('#outcome', { hasText: 'The run was cancelled' }).waitFor();
  assert.equal((await stateOf(url, id)).state.status, 'cancelled');

  await page.click('#retry');
  await status(page, 'Completed');
  assert.equal(await page.locator('#outcome').isVisible(), false);
  await page.click('#tab-runs');
  await until('both runs to be listed', async () => (await page.locator('#panel-runs tbody tr').count()) === 2);
  assert.match(await page.locator('#panel-runs tbody tr').nth(1).innerText(), /Cancelled/);
  await until('the others to end', async () =>
    (await Promise.all(ahead.map((other) => stateOf(url, other)))).every(({ state }) => state.completion !== null));
}));

test('a run at work is cancelled, and nobody looks busy after', onPage(here, { allowed: /409/ }, async ({ page, url }) => {
  const id = await project(url, { brief: LONG_BRIEF, start: false });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await page.click('#generate');
  await page.locator('.agent:not([data-tone="wait"])').first().waitFor();
  const run = (await stateOf(url, id)).state.run.id;
  const answer = await (await fetch(`${url}/api/runs/${run}/cancel`, { method: 'POST' })).json();
  await until('the end', async () => (await stateOf(url, id)).state.completion !== null);
  const { state } = await stateOf(url, id);
  // The machine may be faster than the cancel: then the answer says so, and nothing claims a cancel.
  assert.equal(state.status, answer.already ?? 'cancelled');
  await status(page, answer.already ? 'Completed' : 'Cancelled');
  assert.equal(await page.locator('.agent[data-tone="standby"]').count(), 0);
  assert.equal(await page.locator('#cancel').isVisible(), false);
}));

test('a run that waits behind another is listed, and an earlier result is offered', onPage(here, {}, async ({ page, url }) => {
  const post = async (path, body = {}) =>
    (await fetch(`${url}/api${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).json();
  const id = await project(url);
  await until('the first run to end', async () => (await stateOf(url, id)).state.completion !== null);
  const whole = (await stateOf(url, id)).state.run.id;
  await post('/queue/pause');
  try {
    await page.goto(`${url}/projects/${id}`);
    await live(page);
    const shown = (await post(`/projects/${id}/generate`)).run_id;
    await status(page, 'Queued');
    await page.click('#tab-runs');
    const behind = (await post(`/projects/${id}/generate`, { on_conflict: 'enqueue' })).run_id;
    await page.locator('#runs-waiting', { hasText: '1 run waits behind the one that is shown' }).waitFor();
    assert.equal((await stateOf(url, id)).state.run.id, shown);
    await page.locator('#panel-runs tbody tr').first().getByRole('button', { name: 'Cancel' }).click();
    await page.locator('#runs-waiting').waitFor({ state: 'detached' });
    assert.equal((await (await fetch(`${url}/api/runs/${behind}`)).json()).status, 'cancelled');
    await status(page, 'Queued');

    await post(`/runs/${shown}/cancel`);
    await status(page, 'Cancelled');
    await until('what the card says to be said once', async () => (await page.locator('#message').innerText()) === '');
    assert.equal(await page.locator('#earlier-result a').getAttribute('href'), `/api/runs/${whole}/archive.zip`);
    const zips = page.locator('#panel-runs a', { hasText: 'Zip' });
    assert.deepEqual(await zips.evaluateAll((links) => links.map((link) => link.getAttribute('href'))), [`/api/runs/${whole}/archive.zip`]);
  } finally {
    await post('/queue/resume');
  }
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

test('a brief that nothing is found in is sent back with the reason', onPage(here, { allowed: /400/ }, async ({ page, url }) => {
  await page.goto(url);
  const before = await page.locator('.card').count();
  for (const [brief, reason] of [['asdf', /nothing that could be kept/i], ['Eine Leseliste mit Büchern', /English/]]) {
    await page.fill('#brief', brief);
    await page.click('#submit');
    await page.locator('#brief-error', { hasText: reason }).waitFor();
    assert.equal(await page.inputValue('#brief'), brief);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'brief');
  }
  await page.reload();
  assert.equal(await page.locator('.card').count(), before);
}));

test('sentences that were not covered are named', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { name: 'Recipes', brief: 'Recipes with title and minutes; search by title; send me an e-mail every Monday' });
  await page.goto(`${url}/projects/${id}`);
  await status(page, 'Completed');
  await page.getByRole('button', { name: /^2 of 3 sentences covered$/ }).click();
  const list = page.getByRole('region', { name: 'Not covered' });
  assert.match(await list.innerText(), /send me an e-mail every Monday/);
}));

test('name and brief are changed where they stand, and built by the next run', onPage(here, { allowed: /400/ }, async ({ page, url }) => {
  const id = await project(url, { name: 'Plants', brief: 'Plants with name and room' });
  await page.goto(`${url}/projects/${id}`);
  await status(page, 'Completed');
  await page.keyboard.press('e');
  const dialog = page.getByRole('dialog', { name: 'Edit the project' });
  await dialog.getByLabel('Name').fill('   ');
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await dialog.getByText('The name must not be empty.').waitFor();
  await dialog.getByLabel('Name').fill('House plants');
  await dialog.getByLabel('Brief').fill('Plants with name and last watered date; search by name');
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await page.locator('#name').textContent(), 'House plants');
  await page.reload();
  assert.equal(await page.locator('#name').textContent(), 'House plants');
  assert.match(await page.locator('#brief-text').textContent(), /last watered date/);

  await page.click('#edit');
  await dialog.getByLabel('Seed').fill('7');
  await dialog.getByRole('button', { name: 'Save and generate' }).click();
  await dialog.waitFor({ state: 'detached' });
  await until('the second run to complete', async () => {
    const { runs } = await (await fetch(`${url}/api/projects/${id}/runs`)).json();
    return runs.length === 2 && runs[0].status === 'completed';
  });
  await status(page, 'Completed');
  await page.click('#tab-runs');
  await until('both runs to be listed', async () => (await page.locator('#panel-runs tbody tr').count()) === 2);
  const model = await (await fetch(`${url}/api/projects/${id}/files/model.json`)).text();
  assert.match(model, /last_?watered/i);
  assert.doesNotMatch(model, /"room"/i);
  const { params } = await (await fetch(`${url}/api/projects/${id}`)).json();
  assert.equal(params.seed, 7);
}));

test('a run that failed says what, where and in which file', onPage(here, {}, async ({ page, url }) => {
  const id = await project(url, { start: false });
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  const response = await fetch(`${url}/api/projects/${id}/events`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify([
      { type: 'status_update', status: 'running', progress: 40, message: 'Running', eta: null },
      { type: 'agent_update', agent: 'interface', title: 'Interface', index: 9, total: 12, status: 'failed', message: 'index.html does not parse', progress: 40, duration_ms: 120 },
      { type: 'completion', status: 'failed', success: false, message: 'The run failed', duration_ms: 2100, artifacts: 0, download_url: null,
        error: { agent: 'interface', message: 'the element form is never closed', file: 'index.html', line: 14 }, evidence: null },
    ]),
  });
  assert.equal(response.status, 202, await response.text());
  await status(page, 'Failed');
  const outcome = page.locator('#outcome');
  await outcome.getByRole('heading', { name: 'The run failed at Interface' }).waitFor();
  assert.match(await outcome.innerText(), /The element form is never closed\.\s+In index\.html, line 14/);
  await outcome.getByRole('button', { name: 'Show its log' }).click();
  assert.equal(await page.getByLabel('Agent', { exact: true }).inputValue(), 'interface');
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
  for (const [key, tab] of [['3', 'timeline'], ['4', 'files'], ['5', 'result'], ['6', 'runs'], ['1', 'app'], ['2', 'log']]) {
    await page.keyboard.press(key);
    assert.equal(await page.locator(`#tab-${tab}`).getAttribute('aria-selected'), 'true');
    assert.equal(await page.locator(`#panel-${tab}`).isVisible(), true);
  }
  await page.focus('#tab-log');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'tab-timeline');
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
  for (const tab of ['app', 'log', 'timeline', 'files', 'result', 'runs']) {
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

test('of a run that a worker outside drives, the page says what it cannot do', onPage(here, { allowed: /503/ }, async ({ page, url }) => {
  const id = await project(url, { start: false });
  const says = async (seq, body) => {
    const event = { producer: 'press', epoch: 1, seq, ...body };
    const answer = await fetch(`${url}/api/projects/${id}/events`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(event) });
    assert.equal(answer.status, 202, await answer.text());
  };
  await says(1, { type: 'status_update', status: 'running', progress: 10, message: 'outside', lease_ms: 600000 });
  // Whose run it is cannot be asked at first.
  let asked = 0;
  await page.route('**/api/runs/*', (route) => {
    asked += 1;
    return asked <= 2 ? route.fulfill({ status: 503, body: '' }) : route.continue();
  });
  await page.goto(`${url}/projects/${id}`);
  await page.locator('#driven', { hasText: 'Worker press drives this run from outside' }).waitFor();
  assert.equal(await page.locator('#pause').isDisabled(), true);
  assert.match(await page.locator('#pause').getAttribute('title'), /cannot be paused/);
  assert.equal(await page.locator('#cancel').isEnabled(), true);
  await says(2, { type: 'completion', status: 'failed', error: { agent: null, message: 'paper jam' } });
  await status(page, 'Failed');
  await page.locator('#driven', { hasText: 'only a worker can begin it again' }).waitFor();
  assert.equal(await page.locator('#retry').isDisabled(), true);
  assert.equal(await page.locator('.retry-from:visible').count(), 0);
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

test('who asked to be told of the end is told while looking elsewhere, and nobody else', onPage(here, {}, async ({ page, url }) => {
  await page.addInitScript(() => {
    window.told = [];
    window.Notification = class {
      static permission = 'default';

      static async requestPermission() {
        window.Notification.permission = 'granted';
        return 'granted';
      }

      constructor(title, options) {
        window.told.push({ title, ...options });
      }

      close() {}
    };
    window.lookElsewhere = (away) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (away ? 'hidden' : 'visible') });
    };
  });
  const id = await project(url, { name: 'Bell', start: false });
  const told = () => page.evaluate(() => window.told);
  const again = async (from) => {
    await page.evaluate((away) => window.lookElsewhere(away), from !== 'here');
    const run = await (await fetch(`${url}/api/projects/${id}/generate`, { method: 'POST' })).json();
    await until('the end', async () => {
      const { state } = await stateOf(url, id);
      return state.run?.id === run.run_id && state.completion !== null;
    });
    await status(page, 'Completed');
    await page.locator('#replay').waitFor();
  };
  await page.goto(`${url}/projects/${id}`);
  await live(page);
  await again('elsewhere');
  assert.deepEqual(await told(), [], 'nobody has asked');

  // A pause of the queue leaves time to ask.
  await fetch(`${url}/api/queue/pause`, { method: 'POST' });
  await fetch(`${url}/api/projects/${id}/generate`, { method: 'POST' });
  await page.click('#notify');
  await page.evaluate(() => window.lookElsewhere(true));
  await fetch(`${url}/api/queue/resume`, { method: 'POST' });
  await until('the news', async () => (await told()).length === 1);
  const [news] = await told();
  assert.equal(news.title, 'Bell: completed');
  assert.equal(news.tag, id);
  assert.match(news.body, /Completed 12 agents/);

  await again('here');
  assert.equal((await told()).length, 1, 'whoever looks needs no news');
}));
