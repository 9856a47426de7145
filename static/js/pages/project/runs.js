/** Every run of the project, the newest first. */

import { api, linesDownload } from '../../ui/api.js';
import { el } from '../../ui/dom.js';
import { ago, duration, isActive, percent, placeText, plural, statusText, statusTone } from '../../ui/format.js';
import { toast } from '../../ui/notices.js';
import { drivenText } from './control.js';

/** How often the places of runs that wait are asked for. */
const PLACE_EVERY_MS = 3000;

export class Runs {
  constructor(page, panel) {
    this.page = page;
    this.panel = panel;
    this.stamp = null;
    panel.classList.add('runs');
    panel.addEventListener('shown', () => this.load());
    // The place of a run that waits changes with runs of other projects, of which this page hears nothing.
    setInterval(() => this.waits && !panel.hidden && document.visibilityState === 'visible' && this.load(), PLACE_EVERY_MS);
  }

  render(state) {
    // A list that is open follows what happens; a closed one is loaded when it is opened.
    const stamp = `${state.run?.id} ${state.status}`;
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    if (!this.panel.hidden) this.load();
  }

  /** A run that waits behind the one that is shown changes nothing of the state, and its line here. */
  heard(message, state) {
    if (message.type !== 'status_update' && message.type !== 'completion') return;
    if (message.run_id && message.run_id !== state.run?.id) this.stamp = null;
  }

  async load() {
    try {
      const { runs } = await api.runs(this.page.project.id);
      this.draw(runs);
    } catch (problem) {
      this.panel.replaceChildren(el('p.empty', {}, problem.message));
    }
  }

  draw(runs) {
    this.waits = runs.some((run) => run.status === 'queued');
    const waiting = runs.filter((run) => run.status === 'queued' && run.id !== this.page.state.run?.id).length;
    const note = waiting === 0 ? null : el('p.hint', { id: 'runs-waiting' }, `${plural(waiting, 'run waits', 'runs wait')} behind the one that is shown.`);
    if (runs.length === 0) {
      this.panel.replaceChildren(el('div.empty', {}, el('h3', {}, 'No run yet'), el('p', {}, 'Press Generate to start the first one.')));
      return;
    }
    const head = ['Run', 'Started', 'Duration', ''].map((title) => el('th', { scope: 'col' }, title));
    this.panel.replaceChildren(...[note, el('div.scroll-x', {}, el('table', {},
      el('thead', {}, el('tr', {}, ...head)),
      el('tbody', {}, ...runs.map((run) => this.line(run)))))].filter(Boolean));
  }

  line(run) {
    const took = run.duration_ms ?? (run.started_at && run.ended_at ? Date.parse(run.ended_at) - Date.parse(run.started_at) : null);
    const error = run.error ? [run.error.agent, run.error.message].filter(Boolean).join(': ') : null;
    return el('tr', {},
      el('td', {},
        el('span.cue', { data: { tone: statusTone(run.status) } }, statusText(run.status)),
        isActive(run.status) ? ` ${percent(run.progress)} %` : null,
        error ? el('div.hint', {}, error) : null),
      el('td', {}, began(run)),
      el('td', {}, duration(took)),
      el('td', {},
        el('a.button.small.quiet', { href: linesDownload({ run: run.id }), download: true }, 'Log'),
        isActive(run.status) ? null : el('button.small.quiet', { type: 'button', onclick: () => this.page.openReplay(run.id) }, 'Replay'),
        run.archive_url ? el('a.button.small.quiet', { href: run.archive_url, download: true }, isActive(run.status) ? 'Files so far' : 'Zip') : null,
        run.status === 'queued' ? el('button.small.quiet', {
          type: 'button',
          onclick: () => api.cancel(run.id).then(() => this.load(), (problem) => toast(problem.text)),
        }, 'Cancel') : null,
        isActive(run.status) || run.status === 'completed' ? null : el('button.small.quiet', {
          type: 'button',
          disabled: Boolean(run.worker),
          title: run.worker ? drivenText(run.worker.producer, true) : null,
          onclick: () => api.retry(run.id).catch((problem) => toast(problem.text)),
        }, 'Retry')));
  }
}

/** When a run began; of one that has not, where it stands. */
function began(run) {
  if (run.started_at) return el('time', { title: run.started_at }, ago(run.started_at, Date.now()));
  if (run.status === 'queued') return el('span.hint', {}, placeText(run.position_in_queue, run.starts_in));
  return el('span.hint', {}, isActive(run.status) ? 'not yet' : 'never');
}
