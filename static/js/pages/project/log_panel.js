/** The log of the newest run, or of the room when none wrote it: as it is written, any line of it, filtered, linked to. */

import { LogStore } from '../../client/log_store.js';
import { api, linesDownload } from '../../ui/api.js';
import { byId, el, setText } from '../../ui/dom.js';
import { count, plural } from '../../ui/format.js';
import { toast } from '../../ui/notices.js';
import { VirtualList } from '../../ui/virtual_list.js';
import { LogFilter } from './log_filter.js';
import { LogFolding } from './log_folding.js';
import { lineRow, missingRow, showWhole } from './log_line.js';
import { Rows } from './log_rows.js';

const ROW_HEIGHT = 20;
const SETTLE_MS = 60;
const TYPED_MS = 200;
/** Rows above a line that was jumped to. */
const CONTEXT_ROWS = 6;
const NO_ROWS = new Rows(0, []);

export class LogPanel {
  constructor(page, panel) {
    this.page = page;
    this.panel = panel;
    /** The run whose lines these are; null for the room's own, undefined before anything is known. */
    this.run = undefined;
    this.store = new LogStore();
    this.pending = new Set();
    this.follow = true;
    /** Lines that were there when following ended. */
    this.seen = 0;
    this.chosen = lineOf(location.hash);
    this.build();
    this.filter = new LogFilter({
      ask: (query, options) => api.lines(this.source, query, options),
      store: () => this.store,
      upTo: () => (page.replay ? this.store.total : Infinity),
      onchange: () => this.update(),
    });
    this.folding = new LogFolding({
      ask: (query) => api.lines(this.source, query),
      onchange: () => this.update(),
    });
    this.rows = NO_ROWS;
    panel.addEventListener('shown', () => {
      this.list.measure();
      this.list.soon();
      if (this.follow) this.list.scrollToEnd();
      if (this.chosen !== null) this.update();
    });
    window.addEventListener('hashchange', () => this.choose(lineOf(location.hash)));
  }

  /** Where lines are fetched. */
  get source() {
    return this.run ? { run: this.run } : { project: this.page.project.id };
  }

  build() {
    this.search = el('input', { type: 'search', maxlength: '200', placeholder: 'Search', 'aria-label': 'Search in the log', 'aria-keyshortcuts': '/', oninput: () => this.filterSoon() });
    this.level = el('select', { 'aria-label': 'Level', onchange: () => this.applyFilter() },
      ...[['', 'All levels'], ['info', 'Info and above'], ['warning', 'Warnings and errors'], ['error', 'Errors']]
        .map(([value, text]) => el('option', { value }, text)));
    this.agent = el('select', { 'aria-label': 'Agent', onchange: () => this.applyFilter() },
      el('option', { value: '' }, 'All agents'),
      ...this.page.project.agents.map(({ agent, title }) => el('option', { value: agent }, title)));
    this.goto = el('input', { type: 'text', inputmode: 'numeric', maxlength: '15', placeholder: 'Line', 'aria-label': 'Go to line', 'aria-keyshortcuts': 'g', autocomplete: 'off' });
    const goto = el('form.goto', { onsubmit: (event) => this.jump(event) }, this.goto);
    this.foldButton = el('button.small.quiet', { type: 'button', hidden: true, 'aria-pressed': 'false', 'aria-keyshortcuts': 'z', onclick: () => this.toggleFolds() }, 'Fold groups');
    this.followButton = el('button.small', { type: 'button', 'aria-pressed': 'true', 'aria-keyshortcuts': 'f', onclick: () => this.toggleFollow() }, 'Follow');
    this.download = el('a.button.small.quiet', { download: true }, 'Download');
    this.view = el('div.log', { role: 'region', 'aria-label': 'Log lines', tabindex: '0' });
    this.space = el('div.log-space');
    const rows = el('div.log-rows', { role: 'list' });
    this.space.append(rows);
    this.view.append(this.space);
    this.fresh = el('button.small.log-fresh', { type: 'button', hidden: true, onclick: () => this.setFollow(true) });
    this.note = el('span');
    this.empty = el('div.empty', {}, el('h3', {}, 'No lines yet'), el('p', {}, 'What agents say is written here while they work.'));
    this.panel.replaceChildren(
      el('div.bar.log-bar', {}, this.search, goto, this.level, this.agent, this.foldButton, this.followButton),
      this.empty, el('div.log-frame', {}, this.view, this.fresh),
      el('div.log-note', {}, this.note, this.download));
    this.narrow = matchMedia('(max-width: 700px)');
    this.list = new VirtualList({
      view: this.view, space: this.space, rows, rowHeight: ROW_HEIGHT,
      row: (index, first) => this.row(index, first),
      onrange: (first, last) => this.need(first, last),
      // On a phone long lines break.
      wraps: () => this.narrow.matches,
      follows: () => this.follow && !this.filter.active,
    });
    // Reading back ends following; being at the end again takes it up.
    // Our own scrolling always ends at the end while following, so whatever does not was a person.
    this.view.addEventListener('scroll', () => {
      this.view.classList.toggle('sideways', this.view.scrollLeft > 0);
      if (this.list.scrolls && this.follow !== this.list.atEnd()) this.setFollow(!this.follow);
    }, { passive: true });
  }

  /** Live lines go into the store as they come, so that a flood is not lost between two frames. */
  heard(message, state) {
    if (message.type === 'connection' && message.state) this.take(state);
    if (message.type !== 'log') return;
    if (message.run_id && message.run_id !== state.run?.id) return;
    this.startRun(state);
    if (message.skipped) {
      this.store.skip(message.skipped);
      this.folding.groups.reach(this.store.total);
      this.filter.skipped(message.skipped);
    }
    for (const line of message.lines) {
      const known = { ...line, level: message.level, agent: message.agent ?? null };
      this.add(known);
      this.filter.live(known);
    }
  }

  add(line) {
    this.store.add(line);
    this.folding.groups.add(line);
  }

  startRun(state) {
    const run = state.run?.id ?? null;
    if (run === this.run) return;
    const first = this.run === undefined;
    this.run = run;
    this.store = new LogStore();
    this.taken = null;
    this.folding.begin(run ?? this.page.project.id);
    this.rows = NO_ROWS;
    this.pending.clear();
    this.list.forget();
    this.filter.reset();
    if (!first) {
      this.chosen = null;
      this.setFollow(true);
    }
  }

  /** The page shows another moment than the next: of this run, or of another. */
  reset(state) {
    this.startRun(state);
    this.store.rewind(state.log.total);
    this.folding.groups.rewind(state.log.total);
    this.taken = null;
    this.seen = this.store.total;
    this.filter.reset();
    this.list.forget();
  }

  take(state) {
    this.startRun(state);
    // Every later line is heard; the tail is needed once.
    if (this.taken !== state.log) for (const line of state.log.tail) this.add(line);
    this.taken = state.log;
    this.store.total = Math.max(this.store.total, state.log.total);
  }

  render(state) {
    this.take(state);
    this.update();
  }

  get count() {
    return this.filter.active ? this.filter.matches.count : this.rows.count;
  }

  /** What is folded may have changed: what somebody reads stays where it is. */
  fold() {
    const before = this.rows;
    this.rows = this.folding.rows(this.store.total);
    if (this.rows === before || this.filter.active) return;
    const row = Math.floor(this.list.standing.at / this.list.rowHeight);
    const moved = row < before.count ? this.rows.rowOf(before.lineAt(row)) - row : 0;
    if ([...this.list.drawn.keys()].some((index) => before.lineAt(index) !== this.rows.lineAt(index))) this.list.forget();
    if (moved === 0 || this.follow) return;
    this.list.setCount(this.rows.count);
    this.list.stand(this.list.standing.at + moved * this.list.rowHeight);
  }

  /** A group that has ended says how long it is; its button stays, for it may have the focus. */
  drawSizes() {
    for (const button of this.view.querySelectorAll('button.group-title')) {
      const { lines } = this.folding.groups.groups.get(Number(button.dataset.group)) ?? {};
      setText(button.lastChild, lines ? plural(lines, 'line') : '');
    }
  }

  update() {
    this.fold();
    const lines = this.count;
    setText(byId('log-count'), this.store.total > 0 ? count(this.store.total) : '');
    this.empty.hidden = this.store.total > 0 || this.filter.active;
    this.view.parentElement.hidden = !this.empty.hidden;
    this.download.hidden = this.store.total === 0;
    this.download.href = linesDownload(this.source);
    const folded = this.store.total - this.rows.count;
    setText(this.note, this.filter.active ? this.filter.note() : `${plural(this.store.total, 'line')}${folded > 0 ? `, ${count(folded)} folded` : ''}`);
    this.foldButton.hidden = !this.folding.any || this.filter.active;
    if (this.folding.any) this.drawSizes();
    this.foldButton.setAttribute('aria-pressed', String(this.folding.groups.all));
    // Once, when a search has ended: a count that changes ten times a second is no news to a listener.
    if (this.filter.active && !this.filter.asked) setText(byId('announce'), this.filter.note());
    const grown = lines !== this.list.count;
    if (grown) this.list.setCount(lines);
    if (this.chosen !== null && this.store.total >= this.chosen) this.reveal();
    // The end of what was found so far is not the end: following it would fetch the whole log.
    else if (this.follow && grown && !(this.filter.active && !this.filter.reached)) this.list.scrollToEnd();
    this.fresh.hidden = this.follow || this.filter.active || this.store.total <= this.seen;
    if (!this.fresh.hidden) setText(this.fresh, `↓ ${plural(this.store.total - this.seen, 'new line')}`);
  }

  row(index, first) {
    const line = this.filter.active ? this.filter.matches.get(index) : this.store.get(this.rows.lineAt(index));
    const place = { place: index + 1, of: this.list.count };
    if (line) {
      return lineRow(line, {
        ...place, chosen: line.n === this.chosen, words: this.filter.criteria.words, onwhole: (known) => this.showWhole(known),
        // What is found is shown wherever it stands.
        group: this.filter.active ? null : this.folding.groups.roleOf(line), ontoggle: (n) => this.toggleFold(n),
      });
    }
    const n = this.filter.active ? this.filter.matches.numbers[index] : this.rows.lineAt(index);
    return missingRow({ ...place, n, first, skipped: this.filter.active ? null : this.store.skippedAt(n) });
  }

  /** Fetches what is looked at and not here. */
  need(first, last) {
    if (this.filter.active && last >= this.filter.matches.count) this.filter.more();
    this.wanted = { first, last };
    // Dragging the scroll bar passes many lines that nobody reads.
    this.settling ??= setTimeout(() => {
      this.settling = null;
      const { first: from, last: to } = this.wanted;
      if (this.filter.active) {
        for (const page of this.filter.matches.missing(from, to)) {
          this.filter.fetch(page, (begin, end) => this.list.forget(begin, end - 1));
        }
      } else {
        for (const lines of this.rows.linesOf(from, to)) {
          for (const range of this.store.missing(lines.from, lines.to)) this.fetch(range.from, range.to);
        }
      }
    }, SETTLE_MS);
  }

  async fetch(from, to) {
    const key = `${from}-${to}`;
    const { source, store } = this;
    if (this.pending.has(key)) return;
    this.pending.add(key);
    try {
      // One answer may hold only the first of them.
      for (let next = from; next !== null && next <= to && store === this.store;) {
        const answer = await api.lines(source, { from: next, limit: to - next + 1 });
        if (store !== this.store) return;
        for (const line of answer.lines) this.add(line);
        next = answer.next_from ?? null;
      }
      if (store !== this.store) return;
      if (!this.filter.active) {
        this.list.forget(this.rows.rowOf(from), this.rows.rowOf(to));
        // Groups may have come with them.
        this.update();
      }
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

  /** What came live may have been cut on its way; the log has it whole. */
  async showWhole(line) {
    try {
      const answer = await api.lines(this.source, { from: line.n, limit: 1 });
      showWhole(answer.lines.find(({ n }) => n === line.n) ?? line);
    } catch (problem) {
      toast(problem.message);
    }
  }

  focusSearch() {
    this.search.focus();
    this.search.select();
  }

  focusLine() {
    this.goto.focus();
    this.goto.select();
  }

  jump(event) {
    event.preventDefault();
    const n = Number(this.goto.value.replaceAll(/[\s,.#L]/g, ''));
    if (!Number.isSafeInteger(n) || n < 1 || n > this.store.total) {
      toast(`Lines go from 1 to ${count(this.store.total)}.`);
      return;
    }
    if (location.hash === `#L${n}`) this.choose(n);
    else location.hash = `#L${n}`;
    this.view.focus({ preventScroll: true });
  }

  filterBy({ agent = '', level = '' }) {
    this.agent.value = agent;
    this.level.value = level;
    this.search.value = '';
    this.applyFilter();
  }

  filterSoon() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.applyFilter(), TYPED_MS);
  }

  applyFilter() {
    clearTimeout(this.typing);
    this.filter.set({ agent: this.agent.value, level: this.level.value, words: this.search.value.trim() });
    this.seen = this.store.total;
    this.list.forget();
    this.list.setCount(0);
    this.update();
  }

  toggleFold(n) {
    this.folding.toggle(n);
    this.list.forget();
    this.update();
    this.list.draw();
    this.view.querySelector(`[data-n="${n}"] .group-title`)?.focus({ preventScroll: true });
  }

  /** Folds all groups, or opens all. */
  toggleFolds() {
    if (this.foldButton.hidden) return;
    this.folding.foldAll(!this.folding.groups.all);
    this.list.forget();
    this.update();
  }

  toggleFollow() {
    this.setFollow(!this.follow);
  }

  setFollow(follow) {
    this.follow = follow;
    this.seen = this.store.total;
    this.fresh.hidden = true;
    this.followButton.setAttribute('aria-pressed', String(follow));
    if (follow) this.list.scrollToEnd();
  }

  choose(n) {
    this.chosen = n;
    if (n === null) return;
    if (this.filter.active) this.filterBy({});
    this.revealed = null;
    this.folding.open(n);
    this.list.forget();
    this.update();
  }

  /** Once: later updates must not pull the page back. */
  reveal() {
    if (this.revealed === this.chosen || this.panel.hidden) return;
    this.revealed = this.chosen;
    this.setFollow(false);
    this.list.scrollTo(Math.max(0, this.rows.rowOf(this.chosen) + 1 - CONTEXT_ROWS));
  }
}

function lineOf(hash) {
  const found = /^#L([1-9]\d{0,14})$/.exec(hash);
  return found ? Number(found[1]) : null;
}
