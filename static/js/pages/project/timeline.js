/** The timeline of a run: a row for each agent, a bar for each try, what waited shaded; as a table for who cannot see it. */

import { scaleOf, ticksOf, timelineOf } from '../../client/timeline.js';
import { api, sentence } from '../../ui/api.js';
import { el, setData, setText } from '../../ui/dom.js';
import { clock, duration, isActive } from '../../ui/format.js';
import { readRun } from './run_events.js';

const LIVE_EVERY_MS = 500;
const TICKS = { wide: 8, narrow: 4 };
const NARROW = 520;
/** From here on a time of the axis has no room to its right. */
const LAST = 0.92;
/** Pixels that a bar needs for its words. */
const WORDS_WIDTH = 52;
const HINT = 'Point at a bar, or go there with Tab and the arrow keys.';
const BANDS = { queued: 'Queued', paused: 'Paused', waiting: 'Waited for a person' };

export class Timeline {
  constructor(page, panel) {
    this.page = page;
    this.panel = panel;
    this.forget();
    this.bars = new Map();
    this.says = el('p.timeline-says.hint', {}, HINT);
    this.axis = el('div.timeline-axis', { 'aria-hidden': 'true' });
    this.shades = el('div.timeline-shades', { 'aria-hidden': 'true' });
    this.head = el('div.timeline-now', { 'aria-hidden': 'true' });
    this.list = el('div.timeline-rows', { role: 'list' });
    this.chart = el('div.timeline-chart', { role: 'group', 'aria-label': 'Timeline. Arrow keys go from bar to bar.' }, this.axis, this.list, this.shades);
    this.rows = el('tbody', { role: 'rowgroup' });
    this.table = el('details.timeline-table', {},
      el('summary', {}, 'As a table'),
      el('div.scroll-x', {}, el('table', { role: 'table' },
        el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, ...['Who', 'What', 'Began', 'Took', 'Said'].map((title) => el('th', { scope: 'col', role: 'columnheader' }, title)))), this.rows)));
    this.cut = el('p.hint', { hidden: true }, 'The beginning of this run was removed after its time. What is known of it comes from its record.');
    this.box = el('div.timeline', { hidden: true }, this.chart, this.says, this.cut, this.table);
    this.empty = el('div.empty');
    panel.replaceChildren(this.empty, this.box);
    panel.addEventListener('shown', () => this.render(page.state));
    this.table.addEventListener('toggle', () => this.drawTable());
    this.chart.addEventListener('keydown', (event) => this.move(event));
    for (const name of ['pointerover', 'focusin']) {
      this.chart.addEventListener(name, ({ target }) => target.matches?.('.timeline-bar') && setText(this.says, target.getAttribute('aria-label')));
    }
    new ResizeObserver(([{ contentRect }]) => {
      this.width = contentRect.width;
      this.draw();
    }).observe(this.axis);
    setInterval(() => !this.panel.hidden && isActive(this.page.state.status) && !this.page.replay && this.draw(), LIVE_EVERY_MS);
  }

  forget() {
    this.abort?.abort();
    this.abort = null;
    this.run = null;
    this.events = [];
    this.record = null;
    this.scale = null;
    this.loaded = false;
  }

  heard(message) {
    // What was missed is read again.
    if (message.type === 'connection' && message.state) this.forget();
    else if (message.run_id === this.run && !this.page.replay) this.take(message);
  }

  /** Keeps what is a turn of the run; the many steps between are none. */
  take(message) {
    if (!this.isTurn(message)) return;
    const { events } = this;
    // What is heard live may come before what is older was read.
    const place = events.findLastIndex(({ seq }) => seq <= message.seq);
    if (events[place]?.seq !== message.seq) events.splice(place + 1, 0, message);
  }

  isTurn({ type, status, seq, message }) {
    if (type === 'completion') return true;
    if (type === 'agent_update') return status !== 'progress' || message.includes('; trying again in ');
    return type === 'status_update' && this.events.findLast((known) => known.type === type && known.seq < seq)?.status !== status;
  }

  render(state) {
    if (this.panel.hidden) return;
    const run = state.run?.id ?? null;
    if (run !== this.run) {
      this.forget();
      this.run = run;
      this.bars.clear();
      this.list.replaceChildren();
      setText(this.says, HINT);
    }
    if (run !== null && this.abort === null) this.load(run);
    this.draw();
  }

  async load(run) {
    const abort = new AbortController();
    this.abort = abort;
    this.problem = null;
    try {
      this.record = await api.run(run);
      await readRun({ project: this.page.project.id, run, take: (message) => this.take(message), signal: abort.signal });
    } catch (problem) {
      if (abort.signal.aborted) return;
      this.problem = problem.message;
    }
    if (abort.signal.aborted) return;
    this.loaded = true;
    this.draw();
  }

  draw() {
    if (this.panel.hidden) return;
    const has = this.run !== null && (this.loaded || this.events.length > 0);
    this.box.hidden = !has;
    this.empty.hidden = has;
    if (!has) {
      const [title, text] = this.run === null
        ? ['No run yet', 'When agents work, their times are drawn here.'] : ['Reading the events', ''];
      if (this.emptyTitle !== title) this.empty.replaceChildren(el('h3', {}, title), el('p', {}, text));
      this.emptyTitle = title;
      return;
    }
    const first = this.events[0];
    this.cut.hidden = !this.loaded || (first?.type === 'status_update' && first.status === 'queued');
    if (this.problem) {
      this.cut.hidden = false;
      setText(this.cut, `Not all events could be read. ${this.problem}`);
    }
    this.line = timelineOf(this.events, this.page.project.agents, this.loaded ? this.record : null);
    if (this.line.start === null) return;
    this.until = Math.max(this.line.end ?? this.page.now(), this.line.start + 1);
    this.scale = scaleOf(this.line, this.until);
    this.drawAxis();
    this.drawShades();
    const waits = this.line.bands.length > 0
      ? [{ agent: '', title: 'Waits', bars: this.line.bands.map((band) => ({ ...band, tone: 'wait' })) }] : [];
    for (const [at, row] of [...waits, ...this.line.rows].entries()) this.drawRow(row, at);
    this.drawHead();
    if (this.table.open) this.drawTable();
  }

  drawAxis() {
    const most = this.width < NARROW ? TICKS.narrow : TICKS.wide;
    const ticks = ticksOf(this.scale, this.line.start, this.until, most);
    // The last stands to the left of its place: the one before must not be there already.
    const last = ticks.at(-1);
    if (last.place > LAST && last.place - (ticks.at(-2)?.place ?? 0) < 1.2 / most) ticks.splice(last.place > 0.99 && ticks.length > 2 ? -2 : -1, 1);
    const key = JSON.stringify(ticks);
    if (key === this.axisKey) return;
    this.axisKey = key;
    this.axis.replaceChildren(...ticks.map(({ at, place }) => placed(el(place > LAST ? 'span.tick.last' : 'span.tick', {}, at === 0 ? '0' : duration(at)), place)));
  }

  drawShades() {
    const { bands } = this.line;
    const shades = bands.map(({ kind, from, to }) => spanned(el('span.shade', { data: { kind } }), ...this.span(from, to)));
    const breaks = this.scale.breaks.map((time) => placed(el('span.break', {}, '⋯'), this.scale.place(time)));
    this.shades.replaceChildren(...shades, ...breaks, this.head);
  }

  /** Where it is now: in a run that works, and while it is played again. */
  drawHead() {
    if (this.panel.hidden || !this.scale) return;
    const { replay } = this.page;
    this.head.hidden = this.line.end !== null && !replay;
    placed(this.head, this.scale.place(this.page.now()));
    setData(this.head, 'replay', String(Boolean(replay)));
  }

  span(from, to) {
    return [this.scale.place(from), this.scale.place(to ?? this.until)];
  }

  drawRow({ agent, title, bars }, at) {
    const key = `row ${agent}`;
    let row = this.bars.get(key);
    if (!row) {
      row = { item: el('div.timeline-row', { role: 'listitem' }, el('span.timeline-who', {}, title)), track: el('div.timeline-track') };
      row.item.append(row.track);
      this.bars.set(key, row);
      this.list.insertBefore(row.item, this.list.children[at] ?? null);
    }
    bars.forEach((bar, place) => this.drawBar(row.track, `${agent} ${place}`, title, bar));
  }

  drawBar(track, key, title, bar) {
    let button = this.bars.get(key);
    if (!button) {
      button = el('button.timeline-bar', { type: 'button', tabindex: this.chart.querySelector('.timeline-bar[tabindex="0"]') ? '-1' : '0' }, el('span'));
      this.bars.set(key, button);
      track.append(button);
    }
    const [from, to] = this.span(bar.from, bar.to);
    setData(button, 'kind', bar.kind);
    setData(button, 'tone', bar.tone);
    setData(button, 'open', String(bar.to === null));
    spanned(button, from, to);
    const took = duration((bar.to ?? this.until) - bar.from);
    setText(button.firstChild, (to - from) * (this.width ?? 0) > WORDS_WIDTH ? took : '');
    const words = this.words(title, bar);
    if (button.getAttribute('aria-label') === words) return;
    button.setAttribute('aria-label', words);
    if (button === document.activeElement || button.matches(':hover')) setText(this.says, words);
  }

  words(title, bar) {
    const took = duration((bar.to ?? this.until) - bar.from);
    const began = this.began(bar);
    const when = bar.to === null ? `since ${clock(bar.from)}, ${took} so far` : bar.to === bar.from ? began : `${took}, from ${began} on (${clock(bar.from)})`;
    return `${bar.kind in BANDS ? '' : `${title}: `}${whatOf(bar)}, ${when}.${bar.says ? ` ${sentence(bar.says)}` : ''}`;
  }

  began({ from }) {
    return from === this.line.start ? 'the start' : duration(from - this.line.start);
  }

  drawTable() {
    if (!this.line || !this.table.open) return;
    const bars = [
      ...this.line.bands.map((bar) => ['Run', bar]),
      ...this.line.rows.flatMap(({ title, bars: own }) => own.map((bar) => [title, bar])),
    ];
    this.rows.replaceChildren(...bars.map(([title, bar]) => el('tr', { role: 'row' },
      el('th', { scope: 'row', role: 'rowheader' }, title),
      el('td', { role: 'cell' }, whatOf(bar)),
      el('td', { role: 'cell' }, el('time', { title: new Date(bar.from).toISOString() }, this.began(bar))),
      el('td', { role: 'cell' }, bar.to === null ? 'goes on' : duration(bar.to - bar.from)),
      el('td', { role: 'cell' }, bar.says && sentence(bar.says)))));
  }

  /** Arrow keys: along a row, and to the nearest bar of the next one. */
  move(event) {
    const bars = [...this.chart.querySelectorAll('.timeline-bar')];
    const from = bars.indexOf(document.activeElement);
    if (from === -1) return;
    const rows = [...this.list.children].map((row) => [...row.querySelectorAll('.timeline-bar')]).filter((row) => row.length > 0);
    const at = rows.findIndex((row) => row.includes(bars[from]));
    const place = bars[from].offsetLeft;
    const nearest = (row) => row?.reduce((one, other) => (Math.abs(other.offsetLeft - place) < Math.abs(one.offsetLeft - place) ? other : one));
    const to = {
      ArrowRight: bars[from + 1], ArrowLeft: bars[from - 1], ArrowDown: nearest(rows[at + 1]), ArrowUp: nearest(rows[at - 1]),
      Home: bars[0], End: bars.at(-1),
    }[event.key];
    if (!to) return;
    event.preventDefault();
    bars.forEach((bar) => bar.setAttribute('tabindex', bar === to ? '0' : '-1'));
    to.focus();
  }
}

function whatOf({ kind, tone, try: number, to }) {
  if (kind in BANDS) return BANDS[kind];
  if (kind === 'gate') return to === null ? 'waits for a person' : 'a person was asked';
  if (kind === 'pause') return 'pause before the next try';
  if (kind === 'point') return tone === 'go' ? 'reused' : 'skipped';
  const attempt = number > 1 ? `try ${number} ` : '';
  if (to === null) return `${attempt}at work`;
  return `${attempt}${{ go: 'done', stop: 'failed', off: 'stopped' }[tone] ?? 'ended'}`;
}

/* Not by attributes: the page allows no inline style. */

function placed(element, place) {
  element.style.left = `${(place * 100).toFixed(3)}%`;
  return element;
}

function spanned(element, from, to) {
  element.style.width = `${(Math.max(0, to - from) * 100).toFixed(3)}%`;
  return placed(element, from);
}
