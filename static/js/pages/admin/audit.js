/** Who did what: the newest first, more on request. */

import { AuditLog } from '../../client/audit_log.js';
import { api } from '../../ui/api.js';
import { el } from '../../ui/dom.js';
import { toast } from '../../ui/notices.js';
import { deedText } from './words.js';

const WHEN = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });

export class Audit {
  constructor(root) {
    this.log = new AuditLog();
    this.list = el('ul.rows');
    this.empty = el('div.empty', {}, el('h3', {}, 'Nobody has done anything yet'), el('p', {}, 'Cancels, pauses, broadcasts, disconnects and the like are written here, whichever way they came.'));
    this.more = el('button', { type: 'button', hidden: true, onclick: () => this.older() }, 'Older');
    root.append(el('section.sheet', { 'aria-label': 'Audit log' }, this.list, this.empty, el('div.more', {}, this.more)));
  }

  state(entries) {
    this.log.state(entries);
    this.draw();
  }

  heard(entry) {
    if (!this.log.heard(entry)) return;
    this.list.prepend(row(entry));
    this.empty.hidden = true;
    this.list.hidden = false;
  }

  async older() {
    this.more.disabled = true;
    try {
      const cursor = this.log.cursor();
      if (cursor !== null) this.log.older(cursor, await api.audit({ limit: 50, cursor }));
      this.draw();
    } catch (problem) {
      toast(problem.text ?? problem.message);
    }
    this.more.disabled = false;
  }

  draw() {
    const { entries } = this.log;
    this.list.replaceChildren(...entries.map(row));
    this.empty.hidden = entries.length > 0;
    this.list.hidden = entries.length === 0;
    this.more.hidden = this.log.cursor() === null;
  }
}

function row(entry) {
  return el('li.deed', { data: { done: entry.done ? 'yes' : 'no' } },
    el('time', { datetime: entry.at }, WHEN.format(new Date(entry.at))),
    el('span.deed-what', {}, el('strong', {}, entry.who), ` ${deedText(entry.action)}`,
      entry.detail ? el('span.deed-detail', {}, entry.detail) : null,
      entry.done ? null : el('span.deed-refused', {}, `Refused: ${entry.result}`)),
    el('span.hint.deed-target', {}, entry.action.startsWith('alert.') ? `alert ${entry.target}` : entry.target ?? '', entry.address ? el('span', {}, `from ${entry.address}`) : null));
}
