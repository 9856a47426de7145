/** Clients of every surface, one of them close up, and why the last ones went. */

import { Newest } from '../../client/newest.js';
import { api } from '../../ui/api.js';
import { byId, el, setText } from '../../ui/dom.js';
import { ago, clock } from '../../ui/format.js';
import { show, toast } from '../../ui/notices.js';
import { bytes, short, surfaceText, typeText } from './words.js';

const SEARCH_AFTER_MS = 250;

export class Clients {
  constructor(root, rooms) {
    this.rooms = rooms;
    this.live = [];
    this.closed = [];
    this.total = 0;
    this.found = null;
    this.looks = new Newest();
    this.rows = new Map();
    this.search = el('input', { type: 'search', placeholder: 'Id, name, address, room', 'aria-label': 'Search clients' });
    this.surface = el('select', { 'aria-label': 'Surface' }, el('option', { value: '' }, 'Every surface'),
      ...['room', 'sse', 'socketio', 'channels'].map((surface) => el('option', { value: surface }, surfaceText(surface))));
    this.count = el('span.hint');
    this.list = el('ul.rows.scrolls');
    this.empty = el('div.empty');
    this.past = el('ul.rows.scrolls');
    this.pastEmpty = el('p.empty', {}, 'Nobody has gone since the server started.');
    root.append(
      el('section.sheet', { 'aria-label': 'Clients' }, el('div.bar', {}, this.search, this.surface, this.count), this.list, this.empty),
      el('section.sheet.closed', { 'aria-labelledby': 'closed-title' }, el('div.bar', {}, el('h2', { id: 'closed-title' }, 'Why they went')), this.past, this.pastEmpty));
    this.search.addEventListener('input', () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look(), SEARCH_AFTER_MS);
    });
    this.surface.addEventListener('change', () => this.look());
    this.draw();
  }

  metrics({ clients, clients_total: total, closed }) {
    this.live = clients;
    this.total = total;
    this.closed = closed;
    setText(byId('clients-count'), total > 0 ? short(total) : '');
    this.draw();
  }

  /** What somebody searches for is asked of the server: here are only those that it shows without asking. */
  async look() {
    const query = { ...(this.search.value.trim() ? { q: this.search.value.trim() } : {}), ...(this.surface.value ? { surface: this.surface.value } : {}) };
    if (Object.keys(query).length === 0) {
      this.looks.forget();
      this.found = null;
      return this.draw();
    }
    try {
      const found = await this.looks.ask(() => api.clients(query));
      if (found === undefined) return;
      this.found = found;
    } catch (problem) {
      toast(problem.text ?? problem.message);
    }
    this.draw();
  }

  draw() {
    const clients = this.found?.clients ?? this.live;
    const total = this.found?.total ?? this.total;
    setText(this.count, total > clients.length ? `${clients.length} of ${short(total)}` : '');
    // A row stays the same element for as long as its client is there, so that a finger on its button finds it.
    const rows = clients.map((client) => this.row(client));
    if (rows.length !== this.list.children.length || rows.some((row, at) => this.list.children[at] !== row)) this.list.replaceChildren(...rows);
    const shown = new Set(clients.map(({ id }) => id));
    for (const id of this.rows.keys()) if (!shown.has(id)) this.rows.delete(id);
    this.empty.hidden = clients.length > 0;
    this.list.hidden = clients.length === 0;
    if (clients.length === 0) {
      this.empty.replaceChildren(...(this.found ? [el('h3', {}, 'Nobody fits'), el('p', {}, 'Try another word or surface.')]
        : [el('h3', {}, 'Nobody is connected'), el('p', {}, 'Clients of every surface appear here.')]));
    }
    const pastKey = this.closed.map(({ id }) => id).join();
    if (pastKey !== this.pastKey) {
      this.pastKey = pastKey;
      this.past.replaceChildren(...this.closed.map((closing) => this.pastRow(closing)));
    }
    this.pastEmpty.hidden = this.closed.length > 0;
  }

  reads(subscriptions) {
    const names = subscriptions.map((one) => (one.startsWith('project:') ? this.rooms.names.get(one.slice(8)) ?? `project ${one.slice(-8)}` : one.replace(/^task:.*(.{8})$/, 'task $1')));
    return names.join(', ') || 'nothing yet';
  }

  row(client) {
    let row = this.rows.get(client.id);
    if (!row) {
      const parts = { who: el('span.hint'), reads: el('span.client-reads'), figures: el('span.client-figures') };
      row = el('li.client', { data: { id: client.id } },
        el('button.client-name', { type: 'button', onclick: () => this.open(row.client) }, el('strong', {}, client.name || typeText(client.type)), parts.who),
        parts.reads, parts.figures,
        el('div.row-actions', {}, el('button.small.danger', { type: 'button', 'aria-label': `Disconnect ${client.name || client.id}`, onclick: () => this.disconnect(row.client) }, 'Disconnect')));
      row.parts = parts;
      this.rows.set(client.id, row);
    }
    row.client = client;
    const lag = client.queued > 0 || client.queued_bytes > 0;
    setText(row.parts.who, `${surfaceText(client.surface)} · ${client.who}`);
    setText(row.parts.reads, this.reads(client.subscriptions));
    setText(row.parts.figures, `${short(client.sent)} sent${lag ? `, ${short(client.queued)} behind, ${bytes(client.queued_bytes)} waiting` : ''}`);
    row.parts.figures.classList.toggle('warn', lag);
    return row;
  }

  pastRow(closing) {
    return el('li.past-client', {},
      el('span.code', {}, String(closing.code)),
      el('span.why', {}, el('strong', {}, closing.reason), el('span.hint', {}, `${closing.name || typeText(closing.type)} · ${surfaceText(closing.surface)} · ${closing.who} · ${closing.address ?? 'unknown address'} · ${this.reads(closing.subscriptions)} · ${short(closing.sent)} sent`)),
      el('time.hint', { datetime: closing.closed_at }, clock(closing.closed_at)));
  }

  open(client) {
    const now = Date.now();
    const facts = [
      ['Id', client.id], ['Surface', `${surfaceText(client.surface)}, ${client.protocol}`], ['Type', typeText(client.type)], ['Name', client.name || 'none given'],
      ['Acts as', client.who], ['Address', client.address ?? 'unknown'], ['Reads', this.reads(client.subscriptions)],
      ['Connected', `${ago(client.connected_at, now)} (${clock(client.connected_at)})`], ['Last heard', `${clock(client.last_ping)}`],
      ['Sent', `${short(client.sent)} events`], ['Queued', `${short(client.queued)} events, ${bytes(client.queued_bytes)}`],
    ];
    const dialog = show('Client', el('dl.facts', {}, ...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])),
      el('p', {}, el('button.danger', { type: 'button', onclick: () => {
        dialog.close();
        this.disconnect(client);
      } }, 'Disconnect…')));
  }

  disconnect(client) {
    const reason = el('input', { name: 'reason', maxlength: '200', placeholder: 'Why (for the audit log)', 'aria-label': 'Why' });
    const dialog = el('dialog', { 'aria-label': 'Disconnect this client?' },
      el('h2', {}, 'Disconnect this client?'),
      el('p', {}, `${client.name || typeText(client.type)} (${surfaceText(client.surface)}, ${client.who}) is told so and does not come back by itself.`),
      el('form', { method: 'dialog' }, reason, el('div.dialog-actions', {}, el('button', { value: 'no' }, 'Leave it'), el('button.danger', { value: 'yes' }, 'Disconnect'))));
    dialog.addEventListener('close', async () => {
      dialog.remove();
      if (dialog.returnValue !== 'yes') return;
      try {
        await api.disconnect(client.id, reason.value.trim() ? { reason: reason.value.trim() } : {});
        toast('The client was disconnected.');
        this.live = this.live.filter(({ id }) => id !== client.id);
        if (this.found) await this.look();
        else this.draw();
      } catch (problem) {
        toast(problem.text ?? problem.message);
      }
    });
    document.body.append(dialog);
    dialog.showModal();
  }
}
