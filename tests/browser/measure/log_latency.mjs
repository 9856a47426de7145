// How soon the project page answers a key with a million lines in its log, while more come:
//   node tests/browser/measure/log_latency.mjs [LINES] [SCREENSHOT-FOLDER]
// CALLBOARD_BIN names the server, best a release build.

import { mkdir } from 'node:fs/promises';

import { chromium } from 'playwright-core';

import { publishLines, watchKeys } from '../support/flood.mjs';
import { startServer } from '../support/server.mjs';
import { live, project, until } from '../support/stage.mjs';

const LINES = Number(process.argv[2] ?? 1000000);
const SHOTS = process.argv[3];
const KEY_PAUSE_MS = 60;

const server = await startServer();
let flooding = false;
let flood = null;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--enable-precise-memory-info'] });
try {
  const id = await project(server.url, { name: 'A million lines', start: false });
  const since = Date.now();
  await publishLines(server.url, id, 1, LINES);
  console.log(`published ${LINES} lines in ${Date.now() - since} ms`);

  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  const measured = await watchKeys(page);
  const press = async (keys) => {
    for (const key of keys) {
      await page.keyboard.press(key);
      await page.waitForTimeout(KEY_PAUSE_MS);
    }
  };
  const traced = await tracer(browser);
  const report = async (what) => {
    const { keys, longTasks } = await measured();
    const cpu = await traced();
    keys.sort((one, other) => one - other);
    const at = (part) => keys[Math.min(keys.length - 1, Math.floor(keys.length * part))];
    console.log(`${what}: ${keys.length} keys, from key to frame p50 ${at(0.5).toFixed(0)} ms, p95 ${at(0.95).toFixed(0)} ms, `
      + `worst ${at(1).toFixed(0)} ms; ${longTasks.length} tasks over 50 ms${longTasks.length ? `, worst ${Math.max(...longTasks).toFixed(0)} ms` : ''}; `
      + `of the page's own time ${cpu.total.toFixed(0)} ms in all, longest task ${cpu.longest.toFixed(0)} ms, ${cpu.over} over 50 ms; `
      + `of drawing ${cpu.drawing.toFixed(0)} ms`);
    return at(1);
  };
  // What this machine needs for a page that has nothing to do.
  await page.goto(`${server.url}/projects/${await project(server.url, { name: 'Nothing', start: false })}`);
  await live(page);
  await press(Array(30).fill('f'));
  await report('for comparison, a page without a log');

  await page.goto(`${server.url}/projects/${id}`);
  await live(page);
  await page.locator('.line[data-n]').first().waitFor();
  const count = LINES.toLocaleString('en');
  await until('the page to know all lines', async () => (await page.textContent('#log-count')) === count);

  flooding = true;
  let last = LINES;
  flood = (async () => {
    while (flooding) {
      await publishLines(server.url, id, last + 1, last + 10000);
      last += 10000;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();

  const log = page.locator('.log');
  for (const [what, act] of [
    ['following the flood, toggling', async () => press(Array(20).fill('f'))],
    ['scrolling with keys', async () => {
      await log.focus();
      await press(['Home', ...Array(10).fill('PageDown'), ...Array(10).fill('ArrowDown'), ...Array(10).fill('PageUp'), 'End']);
    }],
    ['going to lines far apart', async () => {
      for (const line of [500000, 3, 999999, 123456]) {
        await page.keyboard.press('g');
        await press([...String(Math.max(1, Math.floor(line * LINES / 1000000))), 'Enter']);
        await page.locator(`.line.chosen[data-n="${Math.max(1, Math.floor(line * LINES / 1000000))}"]`).waitFor();
      }
    }],
    ['searching', async () => {
      await page.keyboard.press('/');
      await press([...'needle in']);
      await page.locator('.line[data-n] mark').first().waitFor();
      await press([...'the hay'.split(''), ...Array(12).fill('Backspace')]);
    }],
    ['filtering by level, scrolling', async () => {
      await page.fill('.bar [type=search]', '');
      await page.selectOption('[aria-label="Level"]', 'warning');
      await page.locator('.line[data-level="warning"]').first().waitFor();
      await log.focus();
      await press([...Array(15).fill('PageDown'), 'End', ...Array(10).fill('PageUp')]);
      await page.selectOption('[aria-label="Level"]', '');
    }],
  ]) {
    await act();
    if ((await report(what)) >= 100) process.exitCode = 1;
  }
  const figures = await page.evaluate(() => ({
    rows: document.querySelectorAll('.line').length,
    elements: document.querySelectorAll('*').length,
    heap: performance.memory.usedJSHeapSize,
  }));
  console.log(`${figures.rows} rows and ${figures.elements} elements in the page, ${(figures.heap / 1048576).toFixed(0)} MiB of JavaScript`);
  flooding = false;
  await flood;
  if (SHOTS) await shots(id);
} finally {
  flooding = false;
  await flood;
  await browser.close();
  await server.stop();
}

/**
 * What the page's own thread computed since the last question, in time of the processor: other programs on the machine make a task last longer,
 * they do not make it more work.
 */
async function tracer(browser) {
  const session = await browser.newBrowserCDPSession();
  const begin = () => session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['toplevel', 'devtools.timeline', 'cc', '__metadata'] } });
  await begin();
  return async () => {
    const events = [];
    const take = ({ value }) => events.push(...value);
    session.on('Tracing.dataCollected', take);
    const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
    await session.send('Tracing.end');
    await complete;
    session.off('Tracing.dataCollected', take);
    await begin();
    const threads = new Set(events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
    const tasks = events.filter(({ ph, name, pid, tid }) => ph === 'X' && /RunTask$/.test(name) && threads.has(`${pid} ${tid}`)).map(({ tdur }) => (tdur ?? 0) / 1000);
    const drawing = events.filter(({ ph, name }) => ph === 'X' && name === 'RasterTask').reduce((sum, { tdur }) => sum + (tdur ?? 0) / 1000, 0);
    return { total: tasks.reduce((sum, ms) => sum + ms, 0), longest: Math.max(0, ...tasks), over: tasks.filter((ms) => ms > 50).length, drawing };
  };
}

/** The log at desktop and phone width, light and dark. */
async function shots(id) {
  await mkdir(SHOTS, { recursive: true });
  for (const [size, viewport] of [['desktop', { width: 1280, height: 900 }], ['phone', { width: 390, height: 844 }]]) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await browser.newPage({ viewport, colorScheme });
      const shot = (name) => page.screenshot({ path: `${SHOTS}/${name}-${size}-${colorScheme}.png` });
      await page.goto(`${server.url}/projects/${id}`);
      await live(page);
      await page.locator('.line[data-n]').first().waitFor();
      await page.locator('.log').scrollIntoViewIfNeeded();
      await shot('follow');
      await page.evaluate((n) => { location.hash = `#L${n}`; }, Math.floor(LINES / 2));
      await page.locator('.line.chosen').waitFor();
      await publishLines(server.url, id, 1, 2000);
      await page.locator('.log-fresh:not([hidden])').waitFor();
      await shot('line');
      await page.fill('.bar [type=search]', 'needle');
      await page.locator('.line[data-n] mark').first().waitFor();
      await shot('search');
      await page.close();
    }
  }
}
