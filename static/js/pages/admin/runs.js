/** Runs: those that have not ended, and those that ended while somebody looked. */

import { api } from '../../ui/api.js';
import { byId, el, setData, setText } from '../../ui/dom.js';
import { ago, isTerminal, percent, statusText, statusTone } from '../../ui/format.js';
import { confirm, toast } from '../../ui/notices.js';

const ENDED_MAX = 30;

export class Runs {
  constructor(root, ontail) {
    this.ontail = ontail;
    this.jobs = new Map();
    this.rows = new Map();
    this.list = el('ul.rows');
    this.empty = el('div.empty', {}, el('h3', {}, 'Nothing is running'), el('p', {}, 'Runs appear here the moment they are queued.'));
    this.line = el('p.queue-line');
    root.append(el('section.sheet', { 'aria-label': 'Runs' }, this.line, this.list, this.empty));
    setInterval(() => this.draw(), 15000);
    this.draw();
  }

  /** How the queue stands: lanes, places, who paused it. */
  queue({ paused, active, active_max: places, lanes, resting, queue_depth: depth }) {
    const waiting = Object.entries(lanes).filter(([, count]) => count > 0).map(([lane, count]) => `${count} ${lane}`);
    const parts = [
      `${active} of ${places} ${places === 1 ? 'place' : 'places'} taken`,
      depth === 0 ? 'nobody waits' : `${waiting.join(', ')} waiting`,
      resting > 0 ? `${resting} paused or asking a person` : '',
      paused ? `paused by ${paused.by} ${ago(paused.at, Date.now())}` : '',
    ];
    setText(this.line, `Queue: ${parts.filter(Boolean).join(' · ')}`);
    this.line.classList.toggle('warn', paused !== null);
  }

  state(jobs) {
    // What ended while the line was down is not known here: those that are not named any more go.
    this.jobs = new Map(jobs.map((job) => [job.id, job]));
    this.draw();
  }

  heard(job) {
    this.jobs.delete(job.id);
    this.jobs.set(job.id, job);
    const ended = [...this.jobs.values()].filter(({ status }) => isTerminal(status));
    for (const old of ended.slice(0, Math.max(0, ended.length - ENDED_MAX))) this.jobs.delete(old.id);
    this.draw();
  }

  draw() {
    const rank = ({ status }) => (isTerminal(status) ? 2 : status === 'queued' ? 1 : 0);
    const jobs = [...this.jobs.values()].sort((a, b) => rank(a) - rank(b)
      || (rank(a) === 2 ? b.created_at.localeCompare(a.created_at) : a.created_at.localeCompare(b.created_at)));
    const rows = jobs.map((job) => this.row(job));
    if (rows.length !== this.list.children.length || rows.some((row, at) => this.list.children[at] !== row)) this.list.replaceChildren(...rows);
    for (const id of this.rows.keys()) if (!this.jobs.has(id)) this.rows.delete(id);
    this.empty.hidden = rows.length > 0;
    this.list.hidden = rows.length === 0;
    const active = jobs.filter(({ status }) => !isTerminal(status)).length;
    setText(byId('runs-count'), active > 0 ? String(active) : '');
  }

  row(job) {
    let row = this.rows.get(job.id);
    if (!row) {
      const parts = {
        status: el('span.cue'),
        says: el('span.hint'),
        when: el('time.hint'),
        bar: el('progress', { max: '100', 'aria-label': 'Progress' }),
        cancel: el('button.small.danger', { type: 'button', onclick: () => this.cancel(job.id) }, 'Cancel'),
      };
      row = el('li.run', { data: { id: job.id } },
        el('div.run-main', {}, el('a', { href: `/projects/${encodeURIComponent(job.project_id)}` }, job.brief || 'A run'), parts.says),
        el('div.run-state', {}, parts.status, parts.bar, parts.when),
        el('div.row-actions', {}, el('button.small.quiet', { type: 'button', onclick: () => this.ontail(job.project_id, job.brief) }, 'Tail'), parts.cancel));
      row.parts = parts;
      this.rows.set(job.id, row);
    }
    const { parts } = row;
    const over = isTerminal(job.status);
    setText(parts.status, statusText(job.status));
    setData(parts.status, 'tone', statusTone(job.status));
    setText(parts.says, `${job.pipeline} · ${job.message ?? ''}`);
    setText(parts.when, ago(job.created_at, Date.now()));
    parts.bar.value = percent(job.progress);
    setData(parts.bar, 'tone', statusTone(job.status));
    parts.bar.hidden = over || job.status === 'queued';
    parts.cancel.hidden = over;
    parts.cancel.setAttribute('aria-label', `Cancel the run: ${job.brief ?? job.id}`);
    setData(row, 'over', over ? 'yes' : 'no');
    return row;
  }

  async cancel(id) {
    const job = this.jobs.get(id);
    const sure = await confirm({ title: 'Cancel this run?', text: `“${job?.brief || id}” stops at once; what its agents made so far stays.`, yes: 'Cancel the run', no: 'Keep it' });
    if (!sure) return;
    try {
      const { already } = await api.cancel(id);
      toast(already ? `It had ended already: ${statusText(already)}.` : 'The run is being cancelled.');
    } catch (problem) {
      toast(problem.text ?? problem.message);
    }
  }
}
