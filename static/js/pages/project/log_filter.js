/**
 * The lines that fit a filter. The server looks through the log, page by page as somebody scrolls; lines that come live
 * are looked at here, once the server's pages have reached them, and what it skipped in a flood it looks through again.
 */

import { LogMatches } from '../../client/log_matches.js';
import { plural } from '../../ui/format.js';

const PAGE_LINES = 1000;
/** The server is asked on until this many are found: enough to fill a view that can be scrolled. */
const FIRST_LINES = 200;
/** In a flood the server is asked for what it skipped only so often. */
const SKIPPED_EVERY_MS = 400;
/** From the least to the most; a filter names the least that is shown. */
const LEVELS = ['debug', 'info', 'warning', 'error'];

export class LogFilter {
  /**
   * @param {{ ask: (query: object, options: object) => Promise<object>, store: () => object, onchange: () => void, upTo?: () => number }} parts
   *   `upTo`: the last line that may be shown, where a log is shown as it once was
   */
  constructor({ ask, store, onchange, upTo = () => Infinity }) {
    Object.assign(this, { ask, store, onchange, upTo });
    this.criteria = { agent: '', level: '', words: '' };
    this.pending = new Set();
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
    this.matches = new LogMatches();
    this.pending.clear();
    /** Where the server's next page begins; null when it has seen everything. */
    this.next = 1;
    /** Whether the server had seen everything at least once: from then on it is asked on without anybody scrolling. */
    this.reached = false;
    this.problem = '';
    clearTimeout(this.later);
    this.later = null;
    this.asked?.abort();
    this.asked = null;
    if (this.active) this.more();
  }

  query(from, limit) {
    const { agent, level, words } = this.criteria;
    const query = { from, limit };
    if (agent) query.agent = agent;
    if (level) query.level = level;
    if (words) query.q = words;
    return query;
  }

  async more() {
    if (this.asked || this.next === null) return;
    const asked = new AbortController();
    this.asked = asked;
    const from = this.next;
    try {
      const answer = await this.ask(this.query(from, PAGE_LINES), { signal: asked.signal });
      if (this.asked !== asked) return;
      this.asked = null;
      this.problem = '';
      const last = this.upTo();
      for (const line of answer.lines) if (line.n <= last) this.matches.push(line);
      this.next = (answer.next_from ?? Infinity) <= last && answer.next_from ? answer.next_from : null;
      if (this.next === null) this.ended(Math.min(answer.total ?? from - 1, last));
      this.onchange();
      // An answer may end early, with few lines or none, when the server has looked for long enough.
      if (this.next !== null && (this.matches.count < FIRST_LINES || this.reached)) this.more();
    } catch (problem) {
      if (this.asked !== asked) return;
      this.asked = null;
      if (problem.name === 'AbortError') return;
      this.problem = problem.message;
      this.onchange();
    }
  }

  /** The server has seen the log up to a line; what came while it was looking is here, or was skipped. */
  ended(total) {
    this.reached = true;
    const store = this.store();
    if (store.total > total && store.missing(total + 1, store.total).length > 0) {
      this.next = total + 1;
      this.soon();
      return;
    }
    for (const line of store.after(total)) if (line.n <= store.total) this.live(line);
  }

  /** A line that was just written. */
  live(line) {
    if (this.active && this.next === null && fits(line, this.criteria)) this.matches.push(line);
  }

  /** Lines were written that nobody sent. */
  skipped({ from }) {
    if (!this.active || this.next !== null) return;
    this.next = from;
    this.soon();
  }

  soon() {
    this.later ??= setTimeout(() => {
      this.later = null;
      this.more();
    }, SKIPPED_EVERY_MS);
  }

  /** Fetches matches again that were let go. */
  async fetch({ first, from, limit }, onlines) {
    const { matches } = this;
    if (this.pending.has(first)) return;
    this.pending.add(first);
    try {
      const lines = [];
      for (let next = from; next !== null && lines.length < limit && matches === this.matches;) {
        const answer = await this.ask(this.query(next, limit - lines.length), {});
        lines.push(...answer.lines);
        next = answer.next_from ?? null;
      }
      if (matches !== this.matches) return;
      matches.fill(first, lines);
      this.pending.delete(first);
      onlines(first, first + lines.length);
    } catch (problem) {
      if (matches !== this.matches) return;
      this.problem = problem.message;
      setTimeout(() => this.pending.delete(first), 3000);
      this.onchange();
    }
  }

  note() {
    if (this.problem) return this.problem;
    const found = `${plural(this.matches.count, 'line')} found`;
    if (this.next === null) return found;
    return this.asked || this.reached ? `${found}, still looking` : `${found} so far; scroll on for more`;
  }
}

/** Whether a line fits, by the rules of `GET /api/runs/{id}/logs`. */
export function fits(line, { agent, level, words }) {
  return (agent === '' || line.agent === agent)
    && (level === '' || LEVELS.indexOf(line.level) >= LEVELS.indexOf(level))
    && (words === '' || line.text.toLowerCase().includes(words.toLowerCase()));
}
