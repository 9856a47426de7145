/** The list of projects: filtered, paged, and live while something runs. */

import { Connection } from '../../client/connection.js';
import { api } from '../../ui/api.js';
import { byId, el, scheduler, setData, setText } from '../../ui/dom.js';
import { ago, etaText, isActive, percent, statusText, statusTone } from '../../ui/format.js';
import { toast } from '../../ui/notices.js';

/** Sockets of this page: enough for what a person can watch. Others are refreshed when somebody looks. */
const LIVE_MAX = 6;
const PAGE_SIZE = 24;
const UNDO_MS = 6000;

export class Board {
  constructor({ projects, next_cursor: next }) {
    this.projects = projects;
    this.next = next;
    this.status = '';
    this.cards = new Map();
    this.live = new Map();
    this.leaving = new Map();
    this.render = scheduler(() => this.draw());
    this.asked = null;
  }

  start() {
    byId('search').addEventListener('input', this.render);
    byId('status').addEventListener('change', () => {
      this.status = byId('status').value;
      this.refresh();
    });
    byId('more').addEventListener('click', () => this.older());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.refresh());
    window.addEventListener('pageshow', (event) => event.persisted && this.refresh());
    // A project that is on its way out goes even when its page goes first.
    window.addEventListener('pagehide', () => {
      for (const id of this.leaving.keys()) this.remove(id, true);
    });
    setInterval(this.render, 30000);
    this.draw();
    this.follow();
  }

  query(cursor) {
    return { limit: PAGE_SIZE, ...(this.status ? { status: this.status } : {}), ...(cursor ? { cursor } : {}) };
  }

  async refresh() {
    this.asked?.abort();
    const asked = new AbortController();
    this.asked = asked;
    try {
      const answer = await api.projects(this.query(), { signal: asked.signal });
      this.projects = answer.projects;
      this.next = answer.next_cursor;
      this.draw();
      this.follow();
    } catch (problem) {
      if (problem.name !== 'AbortError') toast(problem.message);
    }
  }

  async older() {
    byId('more').disabled = true;
    try {
      const answer = await api.projects(this.query(this.next));
      const known = new Set(this.projects.map((project) => project.id));
      this.projects.push(...answer.projects.filter((project) => !known.has(project.id)));
      this.next = answer.next_cursor;
      this.draw();
      this.follow();
    } catch (problem) {
      toast(problem.message);
    }
    byId('more').disabled = false;
  }

  /** One connection for each project that works, and none for the others. */
  follow() {
    const active = this.projects.filter((project) => isActive(project.status)).slice(0, LIVE_MAX);
    const wanted = new Set(active.map((project) => project.id));
    for (const [id, connection] of this.live) {
      if (wanted.has(id)) continue;
      connection.disconnect();
      this.live.delete(id);
    }
    for (const { id } of active) {
      if (this.live.has(id)) continue;
      const connection = new Connection(id);
      this.live.set(id, connection);
      connection.on('*', () => this.heard(id, connection)).connect();
    }
  }

  heard(id, { state }) {
    const project = this.projects.find((known) => known.id === id);
    if (!project || !state) return;
    project.status = state.status;
    project.progress = state.progress;
    project.says = etaText(state.eta);
    this.render();
    // What ended leaves its place to another that runs.
    if (!isActive(state.status)) this.follow();
  }

  draw() {
    const words = byId('search').value.toLowerCase().split(/\s+/u).filter(Boolean);
    const shown = this.projects.filter((project) => {
      if (this.leaving.has(project.id)) return false;
      const text = `${project.name} ${project.brief}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const cards = shown.map((project) => this.card(project));
    const list = byId('cards');
    // Cards stay in place when nothing moved, so that focus and hover do.
    if (cards.length !== list.children.length || cards.some((card, at) => list.children[at] !== card)) {
      list.replaceChildren(...cards);
    }
    byId('more').hidden = this.next === null || this.next === undefined;
    this.drawEmpty(shown.length === 0, words.length > 0);
  }

  drawEmpty(empty, searched) {
    byId('empty').hidden = !empty;
    if (!empty) return;
    const [title, text] = searched || this.status
      ? ['Nothing fits', 'No project on this board matches. Try other words or another status.']
      : ['The board is empty', 'Post a brief above, or start from one of the examples. Your projects will hang here.'];
    byId('empty').replaceChildren(el('h3', {}, title), el('p', {}, text));
  }

  card(project) {
    let card = this.cards.get(project.id);
    if (!card) {
      card = newCard(project, () => this.leave(project));
      this.cards.set(project.id, card);
    }
    const { parts } = card;
    const active = isActive(project.status);
    setText(parts.title, project.name);
    setText(parts.brief, project.brief);
    setText(parts.status, statusText(project.status));
    setData(parts.status, 'tone', statusTone(project.status));
    setText(parts.percent, active ? `${percent(project.progress)} %${project.says ? ` · ${project.says}` : ''}` : '');
    parts.bar.hidden = !active;
    parts.bar.value = percent(project.progress);
    setText(parts.when, ago(project.updated_at, Date.now()));
    parts.when.title = project.updated_at;
    parts.remove.hidden = active;
    return card;
  }

  /** Off the board at once, deleted when nobody took it back. */
  leave(project) {
    this.leaving.set(project.id, toast(`Deleted “${project.name}”.`, {
      action: 'Undo',
      ms: UNDO_MS,
      onaction: () => {
        this.leaving.delete(project.id);
        this.draw();
      },
      onend: () => this.remove(project.id, false),
    }));
    this.draw();
  }

  async remove(id, keepalive) {
    this.leaving.get(id)?.();
    try {
      await api.remove(id, { keepalive });
      this.projects = this.projects.filter((project) => project.id !== id);
      this.cards.delete(id);
    } catch (problem) {
      if (problem.status !== 404) toast(`It could not be deleted: ${problem.message}`);
    }
    this.leaving.delete(id);
    this.draw();
  }
}

function newCard(project, onremove) {
  const parts = {
    title: el('a', { href: `/projects/${encodeURIComponent(project.id)}` }),
    brief: el('p.brief'),
    status: el('span.cue'),
    percent: el('span.percent'),
    bar: el('progress', { max: '100', 'aria-label': `Progress of ${project.name}` }),
    when: el('time.when'),
    remove: el('button.delete.quiet.small', { type: 'button', 'aria-label': `Delete ${project.name}`, onclick: onremove }, 'Delete'),
  };
  const card = el('li.card.sheet', { data: { id: project.id } },
    el('h3', {}, parts.title),
    parts.brief,
    el('div.line', {}, parts.status, parts.percent),
    parts.bar,
    el('div.line', {}, parts.when, parts.remove));
  card.parts = parts;
  return card;
}
