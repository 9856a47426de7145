/** Rooms that somebody reads, and the live tail of any room. */

import { byId, el, setText } from '../../ui/dom.js';
import { short } from './words.js';
import { Tail } from './tail.js';

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export class Rooms {
  constructor(root) {
    this.names = new Map();
    this.list = el('ul.rows');
    this.empty = el('div.empty', {}, el('h3', {}, 'Nobody is watching'), el('p', {}, 'A room appears here when somebody opens its project. Any room can be tailed by its id.'));
    this.total = el('span.hint');
    const input = el('input', { type: 'text', name: 'project', placeholder: 'Id or address of a project', 'aria-label': 'Id or address of a project', autocomplete: 'off', spellcheck: 'false' });
    const wrong = el('p.field-error', { role: 'alert' });
    const form = el('form.tail-any', { novalidate: true }, input, el('button', { type: 'submit' }, 'Tail'), wrong);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const id = input.value.trim().split(/[/?#]/).filter(Boolean).find((part) => ID.test(part));
      setText(wrong, id ? '' : 'This is no id of a project.');
      if (id) this.tail.open(id, this.names.get(id));
    });
    this.tail = new Tail();
    root.append(el('section.sheet', { 'aria-label': 'Rooms' }, el('div.bar', {}, form, this.total), this.list, this.empty), this.tail.root);
  }

  metrics({ rooms, rooms_total: total }) {
    for (const { project_id: id, name } of rooms) this.names.set(id, name);
    setText(byId('rooms-count'), total > 0 ? short(total) : '');
    setText(this.total, total > rooms.length ? `${rooms.length} of ${short(total)} rooms, those with the most viewers` : '');
    this.empty.hidden = rooms.length > 0;
    this.list.hidden = rooms.length === 0;
    // Rows are made anew only when the rooms are others, so that a finger on a button finds it.
    const key = rooms.map(({ project_id: id }) => id).join();
    if (key !== this.key) {
      this.key = key;
      this.rows = rooms.map((room) => this.row(room));
      this.list.replaceChildren(...this.rows.map(({ root }) => root));
    }
    rooms.forEach((room, at) => fill(this.rows[at], room));
  }

  row({ project_id: id, name }) {
    const parts = { viewers: el('span.figure-inline'), lag: el('span.figure-inline'), seq: el('span.hint') };
    parts.root = el('li.room', {},
      el('div.room-name', {}, el('a', { href: `/projects/${encodeURIComponent(id)}` }, name || 'A project'), parts.seq),
      parts.viewers, parts.lag,
      el('div.row-actions', {}, el('button.small', { type: 'button', 'aria-label': `Tail ${name}`, onclick: () => this.tail.open(id, name) }, 'Tail')));
    return parts;
  }
}

function fill(parts, room) {
  setText(parts.viewers, `${short(room.viewers)} ${room.viewers === 1 ? 'viewer' : 'viewers'}`);
  setText(parts.lag, room.lagging === 0 ? 'no lag' : `${short(room.lagging)} behind, up to ${short(room.behind_max)} events`);
  parts.lag.classList.toggle('warn', room.lagging > 0);
  setText(parts.seq, `event ${short(room.seq)}`);
}
