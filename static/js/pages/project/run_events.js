/** The events of one run, read from the log of its project. */

import { api } from '../../ui/api.js';

const PAGE_EVENTS = 1000;
/** What is done with the events may take so long at once; then the page gets its turn. */
const SLICE_MS = 8;

/**
 * Hands every event of a run to `take`, in order. The log of the project is read from its beginning until the run has ended or nothing follows.
 *
 * @param {{ project: string, run: string, take: (message: object) => void, signal?: AbortSignal, onread?: (events: number) => void }} wanted
 */
export async function readRun({ project, run, take, signal, onread }) {
  let since = null;
  let read = 0;
  for (;;) {
    const answer = await page(project, since, signal);
    let began = performance.now();
    for (const message of answer.events) {
      if (message.run_id === run) {
        take(message);
        if (message.type === 'completion') return;
      }
      if (performance.now() - began < SLICE_MS) continue;
      await turn();
      signal?.throwIfAborted();
      began = performance.now();
    }
    read += answer.events.length;
    onread?.(read);
    if (!answer.more) return;
    since = answer.position;
  }
}

async function page(project, since, signal) {
  const query = { limit: PAGE_EVENTS, ...(since === null ? {} : { since }) };
  try {
    return await api.events(project, query, { signal });
  } catch (problem) {
    // The log was cut meanwhile: what is left begins later.
    if (problem.status === 410 && since !== null) return page(project, null, signal);
    throw problem;
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve));
