// A worker outside that floods a room with log lines, and what a page needs from a key to the next frame.

import assert from 'node:assert/strict';

const LEVELS = { 0: 'error', 1: 'warning' };

/** The text of a line: one in a thousand can be searched for. */
export const textOf = (n) => (n % 1000 === 0 ? `line ${n}: a needle in the hay` : `line ${n}: compiled src/core/store.js without a complaint`);

/** Publishes lines `from` to `to`, ten thousand a request; one event in twenty is an error, one a warning. */
export async function publishLines(url, project, from, to) {
  for (let next = from; next <= to;) {
    const events = [];
    for (let event = 0; event < 10 && next <= to; event += 1) {
      const lines = [];
      for (; lines.length < 1000 && next <= to; next += 1) lines.push(textOf(next));
      events.push({ type: 'log', agent: 'printer', level: LEVELS[Math.floor(next / 1000) % 20] ?? 'info', lines });
    }
    await publish(url, project, events);
  }
}

/** Publishes events as a worker outside. */
export async function publish(url, project, events) {
  const response = await fetch(`${url}/api/projects/${project}/events`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(events),
  });
  assert.equal(response.status, 202, response.status === 202 ? '' : await response.text());
}

/** Measures from each key to the end of the frame that follows it; must be called before the page is opened. */
export async function watchKeys(page) {
  await page.addInitScript(() => {
    window.keyLatencies = [];
    window.longTasks = [];
    new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => window.longTasks.push(duration)))
      .observe({ type: 'longtask', buffered: true });
    addEventListener('keydown', ({ timeStamp }) => {
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => window.keyLatencies.push(performance.now() - timeStamp);
        port2.postMessage(0);
      });
    }, true);
  });
  return () => page.evaluate(() => ({ keys: window.keyLatencies.splice(0), longTasks: window.longTasks.splice(0) }));
}
