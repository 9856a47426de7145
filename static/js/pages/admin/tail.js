/** The live tail of a room: every message as one line, held when somebody wants to read. */

import { Connection } from '../../client/connection.js';
import { tailLine } from '../../client/tail_line.js';
import { el, scheduler, setText } from '../../ui/dom.js';
import { clock } from '../../ui/format.js';

const LINES_MAX = 400;

export class Tail {
  constructor() {
    this.connection = null;
    this.waiting = [];
    this.held = false;
    this.title = el('h2', { tabindex: '-1' });
    this.state = el('span.connection.hint');
    this.hold = el('button.small', { type: 'button', 'aria-pressed': 'false', onclick: () => this.toggle() }, 'Hold');
    this.lines = el('ol.tail-lines', { tabindex: '0', 'aria-label': 'Messages of the room, the newest last' });
    this.root = el('section.sheet.tail', { hidden: true, 'aria-label': 'Live tail' },
      el('div.bar', {}, this.title, this.state, el('span.push'), this.hold,
        el('button.small', { type: 'button', onclick: () => this.clear() }, 'Clear'),
        el('button.small', { type: 'button', onclick: () => this.close() }, 'Close')),
      this.lines);
    this.render = scheduler(() => this.draw());
  }

  open(id, name) {
    this.connection?.disconnect();
    this.clear();
    this.root.hidden = false;
    setText(this.title, name ? name.slice(0, 80) : `Project ${id.slice(0, 8)}`);
    const connection = new Connection(id);
    this.connection = connection;
    connection.on('*', (message) => connection === this.connection && this.heard(message));
    connection.on('status', () => connection === this.connection && this.light());
    connection.connect();
    this.light();
    this.root.scrollIntoView({ block: 'nearest' });
    this.title.focus({ preventScroll: true });
  }

  close() {
    this.connection?.disconnect();
    this.connection = null;
    this.root.hidden = true;
  }

  light() {
    const { status } = this.connection;
    this.state.dataset.state = status === 'idle' ? 'connecting' : status;
    setText(this.state, { connected: 'Live', stopped: 'There is no such room, or it was closed' }[status] ?? 'Connecting');
  }

  heard(message) {
    this.waiting.push(tailLine(message));
    // A flood: what nobody could read is not kept.
    if (this.waiting.length > LINES_MAX) this.waiting.splice(0, this.waiting.length - LINES_MAX);
    if (this.held) setText(this.hold, `Go on (${this.waiting.length})`);
    else this.render();
  }

  toggle() {
    this.held = !this.held;
    this.hold.setAttribute('aria-pressed', String(this.held));
    setText(this.hold, this.held ? 'Go on' : 'Hold');
    if (!this.held) this.draw();
  }

  clear() {
    this.waiting = [];
    this.lines.replaceChildren();
  }

  draw() {
    const atEnd = this.lines.scrollHeight - this.lines.scrollTop - this.lines.clientHeight < 40;
    this.lines.append(...this.waiting.splice(0).map(({ seq, at, type, text }) => el('li', { data: { type } },
      el('span.at', {}, at ? clock(at) : ''), el('span.seq', {}, seq === null ? '' : String(seq)), el('span.type', {}, type), el('span.text', {}, text))));
    while (this.lines.children.length > LINES_MAX) this.lines.firstElementChild.remove();
    if (atEnd) this.lines.scrollTop = this.lines.scrollHeight;
  }
}
