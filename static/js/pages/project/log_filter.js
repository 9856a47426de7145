/**
 * The lines that fit a filter. The server looks through the log, page by page as somebody scrolls; lines that come live
 * are looked at here, once the server's pages have reached them.
 */

import { api } from '../../ui/api.js';
import { el } from '../../ui/dom.js';
import { plural } from '../../ui/format.js';

const PAGE_LINES = 1000;
/** The server is asked on until this many are found: enough to fill a view that can be scrolled. */
const FIRST_LINES = 200;
/** From the least to the most; a filter names the least that is shown. */
const LEVELS = ['debug', 'info', 'warning', 'error'];

export class LogFilter {
  constructor({ run, store, onchange }) {
    Object.assign(this, { run, store, onchange });
    this.criteria = { agent: '', level: '', words: '' };
    this.reset();
  }

  get active() {
    const { agent, level, words } = this.criteria;
    return agent !== '' || level !== '' || words !== '';
  }

  set(criteria) {
    this.criteria = criteria;
    this.reset();
  }

  reset() {
    this.lines = [];
    /** Where the server's next page begins; null when it has seen everything. */
    this.next = 1;
    this.problem = '';
    this.asked?.abort();
    this.asked = null;
    if (this.active && this.run() !== null) this.more();
  }

  async more() {
    if (this.asked || this.next === null || this.run() === null) return;
    const asked = new AbortController();
    this.asked = asked;
    const { agent, level, words } = this.criteria;
    const query = { from: this.next, limit: PAGE_LINES };
    if (agent) query.agent = agent;
    if (level) query.level = level;
    if (words) query.q = words;
    try {
      const answer = await api.lines(this.run(), query, { signal: asked.signal });
      if (this.asked !== asked) return;
      this.asked = null;
      this.problem = '';
      this.lines.push(...answer.lines);
      this.next = answer.next_from ?? null;
      if (this.next === null) {
        // What came while the server was looking.
        const last = answer.lines.at(-1)?.n ?? query.from - 1;
        for (const line of this.store().after(last)) this.live(line);
      }
      this.onchange();
      // An answer may end early, with few lines or none, when the server has looked for long enough.
      if (this.next !== null && this.lines.length < FIRST_LINES) this.more();
    } catch (problem) {
      if (this.asked !== asked) return;
      this.asked = null;
      if (problem.name === 'AbortError') return;
      this.problem = problem.message;
      this.onchange();
    }
  }

  /** A line that was just written. */
  live(line) {
    if (!this.active || this.next !== null || !fits(line, this.criteria)) return;
    if (this.lines.length > 0 && line.n <= this.lines.at(-1).n) return;
    this.lines.push(line);
  }

  note() {
    if (this.problem) return this.problem;
    const found = `${plural(this.lines.length, 'line')} found`;
    if (this.next === null) return found;
    return this.asked ? `${found}, still looking` : `${found} so far; scroll on for more`;
  }

  /** The text with the words that were searched for marked. */
  marked(text) {
    const { words } = this.criteria;
    if (words === '') return [text];
    const parts = [];
    const low = text.toLowerCase();
    const wanted = words.toLowerCase();
    // Where lower case has another length, places would not fit: no mark is better than a wrong one.
    if (low.length !== text.length) return [text];
    let at = 0;
    for (let found = low.indexOf(wanted); found !== -1; found = low.indexOf(wanted, at)) {
      parts.push(text.slice(at, found), el('mark', {}, text.slice(found, found + wanted.length)));
      at = found + wanted.length;
    }
    parts.push(text.slice(at));
    return parts;
  }
}

/** Whether a line fits, by the rules of `GET /api/runs/{id}/logs`. */
export function fits(line, { agent, level, words }) {
  return (agent === '' || line.agent === agent)
    && (level === '' || LEVELS.indexOf(line.level) >= LEVELS.indexOf(level))
    && (words === '' || line.text.toLowerCase().includes(words.toLowerCase()));
}
