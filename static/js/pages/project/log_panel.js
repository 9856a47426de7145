/** The log of the newest run: as it is written, any line of it, filtered, and linked to by line. */

import { LogStore } from '../../client/log_store.js';
import { api, linesDownload } from '../../ui/api.js';
import { byId, el, setText } from '../../ui/dom.js';
import { clock, count, plural } from '../../ui/format.js';
import { VirtualList } from '../../ui/virtual_list.js';
import { LogFilter } from './log_filter.js';

const ROW_HEIGHT = 20;
const SETTLE_MS = 60;

export class LogPanel {
  constructor(page, panel) {
    this.page = page;
    this.panel = panel;
    this.run = null;
    this.store = new LogStore();
    this.pending = new Set();
    this.follow = true;
    this.chosen = lineOf(location.hash);
    this.build();
    this.filter = new LogFilter({
      run: () => this.run,
      store: () => this.store,
      onchange: () => this.update(),
    });
    panel.addEventListener('shown', () => {
      this.list.soon();
      if (this.follow) this.list.scrollToEnd();
    });
    window.addEventListener('hashchange', () => this.choose(lineOf(location.hash)));
  }

  build() {
    this.search = el('input', { type: 'search', maxlength: '200', placeholder: 'Search', 'aria-label': 'Search in the log', oninput: () => this.filterSoon() });
    this.level = el('select', { 'aria-label': 'Level', onchange: () => this.applyFilter() },
      ...[['', 'All levels'], ['info', 'Info and above'], ['warning', 'Warnings and errors'], ['error', 'Errors']]
        .map(([value, text]) => el('option', { value }, text)));
    this.agent = el('select', { 'aria-label': 'Agent', onchange: () => this.applyFilter() },
      el('option', { value: '' }, 'All agents'),
      ...this.page.project.agents.map(({ agent, title }) => el('option', { value: agent }, title)));
    this.followButton = el('button.small', { type: 'button', 'aria-pressed': 'true', onclick: () => this.toggleFollow() }, 'Follow');
    this.download = el('a.button.small.quiet', { download: true }, 'Download');
    this.view = el('div.log', { role: 'log', 'aria-live': 'off', 'aria-label': 'Log lines', tabindex: '0' });
    this.space = el('div.log-space');
    this.rows = el('div.log-rows');
    this.space.append(this.rows);
    this.view.append(this.space);
    this.note = el('span');
    this.empty = el('div.empty', {}, el('h3', {}, 'No lines yet'), el('p', {}, 'What agents say is written here while they work.'));
    this.panel.replaceChildren(
      el('div.bar', {}, this.search, this.level, this.agent, this.followButton, this.download),
      this.empty, this.view,
      el('div.log-note', {}, this.note));
    this.list = new VirtualList({
      view: this.view, space: this.space, rows: this.rows, rowHeight: ROW_HEIGHT,
      row: (index) => this.row(index),
      onrange: (first, last) => this.need(first, last),
    });
    // Reading back ends following; being at the end again takes it up.
    // Our own scrolling always ends at the end while following, so whatever does not was a person.
    this.view.addEventListener('scroll', () => {
      const scrolls = this.view.scrollHeight > this.view.clientHeight;
      if (scrolls && this.follow !== this.list.atEnd()) this.setFollow(!this.follow);
    }, { passive: true });
  }

  /** Live lines go into the store as they come, so that a flood is not lost between two frames. */
  heard(message, state) {
    if (message.type === 'connection' && message.state) this.take(state);
    if (message.type !== 'log') return;
    if (message.run_id && message.run_id !== state.run?.id) return;
    this.startRun(state);
    for (const line of message.lines) {
      const known = { ...line, level: message.level, agent: message.agent ?? null };
      this.store.add(known);
      this.filter.live(known);
    }
  }

  startRun(state) {
    const run = state.run?.id ?? null;
    if (run === this.run) return;
    const first = this.run === null;
    this.run = run;
    this.store = new LogStore();
    this.pending.clear();
    this.list.forget();
    this.filter.reset();
    if (!first) {
      this.chosen = null;
      this.setFollow(true);
    }
  }

  take(state) {
    this.startRun(state);
    for (const line of state.log.tail) this.store.add(line);
    this.store.total = Math.max(this.store.total, state.log.total);
  }

  render(state) {
    this.take(state);
    this.update();
  }

  update() {
    const lines = this.filter.active ? this.filter.lines.length : this.store.total;
    setText(byId('log-count'), this.store.total > 0 ? count(this.store.total) : '');
    this.empty.hidden = lines > 0 || this.filter.active;
    this.view.hidden = !this.empty.hidden;
    this.download.hidden = this.run === null;
    if (this.run !== null) this.download.href = linesDownload(this.run);
    setText(this.note, this.filter.active ? this.filter.note() : plural(this.store.total, 'line'));
    const grown = lines !== this.list.count;
    if (grown) this.list.setCount(lines);
    if (this.chosen !== null && this.store.total >= this.chosen) this.reveal();
    // The end of what was found so far is not the end: following it would fetch the whole log.
    else if (this.follow && grown && !(this.filter.active && this.filter.next !== null)) this.list.scrollToEnd();
  }

  row(index) {
    const line = this.filter.active ? this.filter.lines[index] : this.store.get(index + 1);
    if (!line) {
      return el('div.line', {}, el('span.n', {}, String(index + 1)), el('span.loading', {}, '…'));
    }
    return el(line.n === this.chosen ? 'div.line.chosen' : 'div.line', { data: { level: line.level, n: line.n } },
      el('a.n', { href: `#L${line.n}`, 'aria-label': `Link to line ${line.n}` }, String(line.n)),
      el('span.at', {}, clock(line.at)),
      el('span.by', {}, line.agent ?? ''),
      el('span.text', {}, ...this.filter.marked(line.text)));
  }

  /** Fetches what is looked at and not here. */
  need(first, last) {
    if (this.filter.active) {
      if (last >= this.filter.lines.length) this.filter.more();
      return;
    }
    this.wanted = { first: first + 1, last };
    // Dragging the scroll bar passes many lines that nobody reads.
    this.settling ??= setTimeout(() => {
      this.settling = null;
      if (this.filter.active) return;
      for (const { from, to } of this.store.missing(this.wanted.first, this.wanted.last)) this.fetch(from, to);
    }, SETTLE_MS);
  }

  async fetch(from, to) {
    const key = `${from}-${to}`;
    const { run, store } = this;
    if (this.pending.has(key) || run === null) return;
    this.pending.add(key);
    try {
      // One answer may hold only the first of them.
      for (let next = from; next !== null && next <= to && run === this.run;) {
        const answer = await api.lines(run, { from: next, limit: to - next + 1 });
        for (const line of answer.lines) store.add(line);
        next = answer.next_from ?? null;
      }
      if (run !== this.run) return;
      this.list.forget(from - 1, to - 1);
      // Lines that the server does not have are not asked for again.
      if (store.missing(from, to).length === 0) this.pending.delete(key);
    } catch {
      setText(this.note, 'Older lines could not be fetched. They will be asked for again.');
      setTimeout(() => {
        this.pending.delete(key);
        this.list.soon();
      }, 3000);
    }
  }

  focusSearch() {
    this.search.focus();
  }

  filterBy({ agent = '', level = '' }) {
    this.agent.value = agent;
    this.level.value = level;
    this.search.value = '';
    this.applyFilter();
  }

  filterSoon() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.applyFilter(), 200);
  }

  applyFilter() {
    this.filter.set({ agent: this.agent.value, level: this.level.value, words: this.search.value.trim() });
    this.list.forget();
    this.list.setCount(0);
    this.update();
  }

  toggleFollow() {
    this.setFollow(!this.follow);
  }

  setFollow(follow) {
    this.follow = follow;
    this.followButton.setAttribute('aria-pressed', String(follow));
    if (follow) this.list.scrollToEnd();
  }

  choose(n) {
    this.chosen = n;
    if (n === null) return;
    if (this.filter.active) this.filterBy({});
    this.revealed = null;
    this.list.forget();
    this.update();
  }

  /** Once: later updates must not pull the page back. */
  reveal() {
    if (this.revealed === this.chosen || this.panel.hidden) return;
    this.revealed = this.chosen;
    this.setFollow(false);
    this.list.scrollTo(Math.max(0, this.chosen - 6));
  }
}

function lineOf(hash) {
  const found = /^#L([1-9]\d{0,14})$/.exec(hash);
  return found ? Number(found[1]) : null;
}
