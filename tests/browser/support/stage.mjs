// One server and one browser for a test file; a fresh context for each test, watched for complaints of the page.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromium } from 'playwright-core';

import { startServer } from './server.mjs';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
/** How long a condition may take to come true on a busy machine. */
export const PATIENCE_MS = 60000;

export const BRIEF = 'A reading list: books with title, author, status (to read, reading, done) and rating 1 to 5; '
  + 'search by title, filter by status, sort by rating; count per status';

/** Sets the stage for the tests of a file; `settings` are environment variables of its server, `files` its configuration. */
export function stage(settings = {}, files = null) {
  const here = { url: '', browser: null };
  before(async () => {
    const server = await startServer(settings, files);
    here.url = server.url;
    here.server = server;
    here.browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  });
  after(async () => {
    await here.browser?.close();
    await here.server?.stop();
  });
  return here;
}

/**
 * A test with a page. It fails when the page complains, except about what `allowed` describes.
 *
 * @param {(visit: { page: import('playwright-core').Page, context: object, url: string }) => Promise<void>} act
 */
export function onPage(here, options, act) {
  const { allowed = /^$/, ...contextOptions } = options;
  return async () => {
    const context = await here.browser.newContext({ viewport: { width: 1280, height: 860 }, acceptDownloads: true, ...contextOptions });
    context.setDefaultTimeout(PATIENCE_MS);
    const complaints = [];
    const page = await context.newPage();
    page.on('console', (message) => {
      const text = `${message.text()} ${message.location().url}`;
      if (['error', 'warning'].includes(message.type()) && !allowed.test(text)) complaints.push(text);
    });
    page.on('pageerror', (error) => complaints.push(error.stack));
    try {
      await act({ page, context, url: here.url });
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
    }
  };
}

/** Creates a project through the API and starts it unless told otherwise. */
export async function project(url, { name = 'Reading list', brief = BRIEF, pipeline = 'app', start = true } = {}) {
  const post = async (path, body) => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.ok(response.ok, `${path}: ${response.status} ${response.ok ? '' : await response.text()}`);
    return response.json();
  };
  const { id } = await post('/api/projects', { name, brief, pipeline });
  if (start) await post(`/api/projects/${id}/generate`, {});
  return id;
}

export async function stateOf(url, id) {
  const response = await fetch(`${url}/api/projects/${id}`);
  return response.json();
}

/** Waits until a question has the wanted answer. */
export async function until(what, ask, limit = PATIENCE_MS) {
  const end = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(Date.now() < end, `still waiting for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const status = (page, text) => page.locator('#status', { hasText: new RegExp(`^${text}$`) }).waitFor();
export const live = (page) => page.locator('#connection[data-state="connected"]').waitFor();

/** What a person sees of a run, without what differs from one look to the next. */
export const sight = (page) => page.evaluate(() => ({
  status: document.querySelector('#status').textContent,
  percent: document.querySelector('#percent').textContent,
  agents: [...document.querySelectorAll('.agent')].map((row) => `${row.dataset.tone} ${row.innerText.replace(/\s+/g, ' ')}`),
  lines: document.querySelector('#log-count').textContent,
  files: document.querySelector('#files-count').textContent,
}));

export async function assertNoSidewaysScroll(page) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `the page is ${over} px too wide`);
}

/**
 * Counts sockets of a page and can cut them; must be called before the page is opened.
 *
 * Going offline does not end sockets that are open, so cutting is done from inside the page.
 */
export async function holdSockets(page) {
  await page.addInitScript(() => {
    const Native = window.WebSocket;
    window.openedSockets = [];
    window.WebSocket = class extends Native {
      constructor(...parts) {
        super(...parts);
        window.openedSockets.push(this);
      }
    };
  });
  return {
    cut: () => page.evaluate(() => window.openedSockets.forEach((socket) => socket.close())),
    addresses: () => page.evaluate(() => window.openedSockets.map((socket) => socket.url)),
  };
}
