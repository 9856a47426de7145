/** Alerts that are on, and those that are over. */

import { alertsAfter } from '../../client/alert_list.js';
import { api } from '../../ui/api.js';
import { byId, el, setText } from '../../ui/dom.js';
import { ago } from '../../ui/format.js';
import { toast } from '../../ui/notices.js';

export class Alerts {
  constructor() {
    this.active = [];
    this.cleared = [];
    this.spoken = el('div.visually-hidden', { role: 'status', 'aria-live': 'assertive' });
    this.list = el('ul');
    this.past = el('ul');
    this.count = el('span.hint');
    this.more = el('details.cleared', { hidden: true }, el('summary', {}, 'Recently over ', this.count), this.past);
    byId('alerts').append(this.spoken, this.list, this.more);
    setInterval(() => this.draw(), 30000);
  }

  state({ active, cleared }) {
    this.active = active;
    this.cleared = cleared;
    this.draw();
  }

  heard({ state, alert, title, message }) {
    if (!alert) {
      // Of a single job: a word in passing.
      toast(`${title}: ${message}`);
      return;
    }
    ({ active: this.active, cleared: this.cleared } = alertsAfter(this, { state, alert }));
    if (state !== 'acknowledged') setText(this.spoken, state === 'raised' ? `Alert: ${title}. ${message}` : `Over: ${title}`);
    this.draw();
  }

  draw() {
    const now = Date.now();
    this.list.replaceChildren(...this.active.map((alert) => this.row(alert, now)));
    this.list.hidden = this.active.length === 0;
    this.more.hidden = this.cleared.length === 0;
    setText(this.count, String(this.cleared.length));
    this.past.replaceChildren(...this.cleared.map((alert) => el('li.past', {},
      el('strong', {}, alert.title), ` ${ago(alert.cleared_at, now)}`, el('span.hint', {}, ` · ${alert.message}${signed(alert, now)}`))));
  }

  row(alert, now) {
    const button = el('button.small', { type: 'button', 'aria-label': `Acknowledge: ${alert.title}` }, 'Acknowledge');
    button.addEventListener('click', () => this.acknowledge(alert, button));
    return el('li.alert', { data: { level: alert.level, seen: alert.acknowledged ? 'yes' : 'no' } },
      el('span.cue', { data: { tone: alert.acknowledged ? 'wait' : alert.level === 'error' ? 'stop' : 'standby' } },
        el('span', {}, alert.title)),
      el('span.alert-text', {}, alert.message, el('span.hint', {}, ` Raised ${ago(alert.raised_at, now)}${signed(alert, now)}`)),
      alert.acknowledged ? null : button);
  }

  async acknowledge(alert, button) {
    button.disabled = true;
    try {
      this.heard({ state: 'acknowledged', alert: await api.acknowledge(alert.id) });
    } catch (problem) {
      button.disabled = false;
      toast(problem.text ?? problem.message);
    }
  }
}

const signed = ({ acknowledged }, now) => (acknowledged ? ` · ${acknowledged.by} took notice ${ago(acknowledged.at, now)}` : '');
