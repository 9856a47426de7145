// A brief becomes an app while somebody watches, reloads, and takes the result home.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { BRIEF, live, onPage, project, sight, stage, stateOf, status, until } from './support/stage.mjs';

const here = stage();
const run = promisify(execFile);
const idOf = (page) => new URL(page.url()).pathname.split('/')[2];

test('from the form to the zip, with a reload in the middle', onPage(here, {}, async ({ page, url }) => {
  await page.goto(url);
  await page.fill('#brief', BRIEF);
  await page.click('#submit');
  await page.waitForURL(/\/projects\/[0-9a-f-]{36}$/);
  assert.equal(await page.locator('#name').textContent(), 'Reading list');
  assert.equal(await page.locator('.agent').count(), 12);

  // Live: something of the first agents is seen without a reload.
  await page.locator('.agent[data-index="1"][data-tone="go"]').waitFor();
  await page.reload();
  await live(page);
  assert.equal(await page.locator('.agent[data-index="1"]').getAttribute('data-tone'), 'go', 'what was done stays done');

  await status(page, 'Completed');
  assert.equal(await page.locator('#percent').textContent(), '100 %');
  assert.equal(await page.locator('.agent[data-tone="go"]').count(), 12);
  assert.match(await page.title(), /Reading list/);

  // The same to the eye after another reload, and the same as the server says.
  const before = await sight(page);
  await page.reload();
  await live(page);
  assert.deepEqual(await sight(page), before);
  const { state } = await stateOf(url, idOf(page));
  assert.equal(state.status, 'completed');
  assert.equal(before.files, String(state.artifacts_total));
  assert.equal(before.lines, state.log.total.toLocaleString('en'));

  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  const zip = await readFile(await download.path());
  assert.equal(zip.subarray(0, 4).toString('latin1'), 'PK\u0003\u0004');
  assert.ok(zip.includes('index.html') && zip.includes('README.md'));

  // At home: the tests in the zip pass where nothing but node is.
  const home = await mkdtemp(join(tmpdir(), 'callboard-zip-'));
  try {
    await run('unzip', ['-q', await download.path(), '-d', home]);
    const { stdout } = await run('node', ['--test', '--test-reporter=tap'], { cwd: home, env: { PATH: process.env.PATH } });
    assert.match(stdout, /^# fail 0$/m);
    assert.ok(Number(/^# pass (\d+)$/m.exec(stdout)[1]) > 10, stdout);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}));

test('the app runs in a frame that reaches nothing of the page', onPage(here, {}, async ({ page, url }) => {
  await openFinished(page, url);
  const frame = page.locator('#panel-app iframe');
  await frame.waitFor();
  assert.equal(await frame.getAttribute('sandbox'), 'allow-scripts allow-forms allow-downloads allow-modals');
  const inside = page.frameLocator('#panel-app iframe');
  await inside.locator('body :visible').first().waitFor();
  await until('the app to show its title', async () => /reading list/i.test(await inside.locator('body').innerText()));

  // It is an app that can be used: what is added is found, and counted.
  await inside.getByRole('button', { name: 'Add book' }).click();
  await inside.getByRole('textbox', { name: 'Title' }).fill('The Long Way Round');
  await inside.locator('form').getByRole('button', { name: 'Add book' }).click();
  await inside.getByText('6 books').waitFor();
  await inside.getByRole('searchbox').fill('long way');
  await inside.getByText('The Long Way Round', { exact: true }).waitFor();
  await inside.getByText('Seven Bridges').waitFor({ state: 'hidden' });

  // Not even one that means ill gets at the page, its storage or its server.
  const address = await frame.getAttribute('src');
  const headers = (await fetch(url + address)).headers;
  assert.match(headers.get('content-security-policy'), /^sandbox (?!.*allow-same-origin).*frame-ancestors 'self'/);
  assert.match(headers.get('x-frame-options'), /^SAMEORIGIN$/i);
  const child = page.frames().find((other) => other !== page.mainFrame());
  const reach = await child.evaluate(async () => {
    const attempt = (act) => { try { return String(act()); } catch (error) { return error.name; } };
    return {
      origin: self.origin,
      parent: attempt(() => window.parent.document.title),
      storage: attempt(() => window.localStorage.length),
      cookie: attempt(() => document.cookie),
    };
  });
  assert.deepEqual(reach, { origin: 'null', parent: 'SecurityError', storage: 'SecurityError', cookie: 'SecurityError' });
  await page.getByRole('button', { name: 'Phone' }).click();
  assert.ok((await frame.boundingBox()).width <= 390);
}));

test('requirements, files and runs tell what became of the brief', onPage(here, {}, async ({ page, url }) => {
  await openFinished(page, url);
  await page.getByRole('button', { name: /^\d+ of \d+ tests passed$/ }).waitFor();
  await page.getByRole('button', { name: /sentences covered$/ }).click();
  await page.locator('.matrix details').first().waitFor();
  assert.match(await page.locator('.figures').innerText(), /Sentences covered/);
  assert.ok(await page.locator('.matrix .verdict.pass').count() > 0);
  assert.equal(await page.locator('.matrix .verdict.fail').count(), 0);

  await page.click('#tab-files');
  await page.locator('.file-head .path', { hasText: 'README.md' }).waitFor();
  await page.locator('.tree [data-path="REQUIREMENTS.md"]').click();
  await page.locator('.prose h1, .prose h2').first().waitFor();
  await page.locator('.tree [data-path="package.json"]').click();
  await page.locator('.source .numbers').waitFor();
  assert.match(await page.locator('.source code').innerText(), /"module"/);

  await page.click('#tab-runs');
  await page.locator('#panel-runs tbody tr').first().waitFor();
  assert.match(await page.locator('#panel-runs tbody tr').first().innerText(), /Completed/);
}));

test('any line of the log can be found and linked to', onPage(here, {}, async ({ page, url }) => {
  const id = await openFinished(page, url);
  const { state } = await stateOf(url, id);
  await page.goto(`${url}/projects/${id}#L1`);
  await page.reload();
  await page.locator('.line.chosen[data-n="1"]').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('zzz-not-there');
  await page.locator('.log-note', { hasText: '0 lines found' }).waitFor();
  await page.locator('.bar input[type="search"]').fill('');
  await page.locator('.log-note', { hasText: `${state.log.total.toLocaleString('en')} line` }).waitFor();
  await page.getByLabel('Agent', { exact: true }).selectOption('intake');
  await page.locator('.line[data-n] .by').first().waitFor();
  await until('only lines of intake', async () =>
    (await page.locator('.line[data-n] .by').allTextContents()).every((agent) => agent === 'intake'));
}));

/** The page of a project that has ended well; made once. */
async function openFinished(page, url) {
  if (!here.finished) {
    here.finished = await project(url);
    await until('the run to complete', async () => (await stateOf(url, here.finished)).state.status === 'completed');
  }
  await page.goto(`${url}/projects/${here.finished}`);
  await live(page);
  return here.finished;
}
