/** Pause, resume, questions, the place in the queue: what a person can do about a run that does not work just now. */

import { api, fileAddress } from '../../ui/api.js';
import { byId, el, setText } from '../../ui/dom.js';
import { clock, isTerminal, placeText } from '../../ui/format.js';
import { toast } from '../../ui/notices.js';

/** How often the place of a run that waits is asked for. */
const PLACE_EVERY_MS = 3000;
/** Longer files are looked at, not edited here. */
const EDIT_CHARS_MAX = 200000;
const PAUSABLE = new Set(['queued', 'starting', 'running']);
const SHOWN = new Set(['queued', 'pausing', 'paused', 'waiting']);

export class Control {
  constructor(page, box) {
    this.page = page;
    this.box = box;
    this.stamp = null;
    this.pause = byId('pause');
    this.resume = byId('resume');
    this.pause.addEventListener('click', () => this.act(this.pause, () => api.pause(page.state.run.id)));
    this.resume.addEventListener('click', () => this.act(this.resume, () => api.resume(page.state.run.id)));
    setInterval(() => this.page.state.status === 'queued' && document.visibilityState === 'visible' && this.load(), PLACE_EVERY_MS);
    this.addRetries();
    /** The run whose record was asked for, and the worker outside that drives it, if one does. */
    this.met = null;
    this.worker = null;
  }

  /** Whether a worker outside drives the run is on its record and not in its log. */
  async meet(run) {
    const id = run?.id ?? null;
    if (id === this.met) return;
    this.met = id;
    this.worker = null;
    delete document.body.dataset.driven;
    if (id === null) return;
    const record = await api.run(id).catch(() => null);
    if (id !== this.met) return;
    // What could not be asked is asked again.
    if (record === null) {
      setTimeout(() => {
        if (id !== this.met) return;
        this.met = null;
        this.meet(this.page.state.run);
      }, PLACE_EVERY_MS);
    }
    if (!record?.worker) return;
    this.worker = record.worker.producer;
    document.body.dataset.driven = '';
    this.render(this.page.state);
  }

  render(state) {
    const { status, run } = state;
    this.meet(run);
    const driven = this.worker === null ? null : drivenText(this.worker, isTerminal(status));
    for (const button of [this.pause, byId('retry')]) withhold(button, driven);
    this.pause.hidden = !run || !PAUSABLE.has(status);
    this.resume.hidden = !run || (status !== 'paused' && status !== 'pausing');
    setText(this.resume, status === 'pausing' ? 'Do not pause' : 'Resume');
    const reach = run && isTerminal(status) ? firstUnfinished(state.agents) : 0;
    for (const button of document.querySelectorAll('.retry-from')) button.hidden = driven !== null || Number(button.dataset.index) > reach;
    const said = driven !== null && status !== 'completed';
    const stamp = said ? driven : SHOWN.has(status) && run ? `${run.id} ${status} ${state.message}` : null;
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    this.box.hidden = true;
    if (said) this.show(el('p', { id: 'driven' }, driven));
    else if (stamp !== null) this.load();
  }

  /** Who paused it, what is asked, how many are before it: that is on the run's record and not in its log. */
  async load() {
    const { stamp } = this;
    const { run, status } = this.page.state;
    if (stamp === null) return;
    try {
      const [record, queue] = await Promise.all([api.run(run.id), status === 'queued' ? api.queue() : null]);
      // It may be over by now.
      if (stamp === this.stamp && record.status === status) this.draw(record, queue);
    } catch (problem) {
      if (stamp === this.stamp) this.show(el('p', {}, problem.text));
    }
  }

  draw(run, queue) {
    if (run.status === 'waiting') return this.ask(run);
    if (run.status === 'queued') {
      const lane = run.lane === 'normal' ? '' : ` in the ${run.lane} lane`;
      const stopped = queue?.paused
        ? el('p', {}, `The queue is paused by ${queue.paused.by} since ${clock(queue.paused.at)}: nothing starts until somebody lets it go on.`)
        : null;
      return this.show(el('p', { id: 'place' }, placeText(run.position_in_queue, queue?.paused ? null : run.starts_in) + lane), stopped);
    }
    const { paused } = run;
    if (!paused) return undefined;
    const says = run.status === 'paused'
      ? `Paused by ${paused.by} since ${clock(paused.at)}. Its clock stands, and it takes no place of others.`
      : `${paused.by} asked for a pause at ${clock(paused.at)}. The agent that works comes to its end first.`;
    return this.show(el('p', {}, says));
  }

  /** A question stays as it is while somebody types an answer. */
  async ask(run) {
    const { gate } = run;
    if (!gate || this.asked === `${run.id} ${gate.since}`) {
      this.box.hidden = !gate;
      return;
    }
    this.asked = `${run.id} ${gate.since}`;
    const agent = run.agents.find((known) => known.agent === gate.agent);
    const reason = el('input', { type: 'text', id: 'gate-reason', placeholder: 'Why not, in a few words', maxlength: 4000 });
    const editor = await this.editor(gate);
    const approve = el('button.primary', { type: 'button' }, 'Approve');
    const reject = el('button.danger', { type: 'button' }, 'Reject');
    if (editor) editor.text.addEventListener('input', () => setText(approve, editor.changed() ? 'Approve with changes' : 'Approve'));
    approve.addEventListener('click', () => this.act(approve, () => api.approve(run.id, editor?.changed() ? { item: editor.path, text: editor.text.value } : {})));
    reject.addEventListener('click', () => this.act(reject, () => api.reject(run.id, reason.value.trim() === '' ? {} : { text: reason.value })));
    this.show(
      el('h2', {}, gate.question),
      el('p.hint', {}, `${agent?.title ?? gate.agent} is done and asks since ${clock(gate.since)}.${gate.expires_at ? ` It waits until ${clock(gate.expires_at)}.` : ''} The first answer counts.`),
      gate.files.length > 0 ? el('p.gate-files', {}, ...gate.files.map((path) => this.file(path))) : null,
      editor ? el('label.gate-text', {}, el('span.hint', {}, editor.path), editor.text) : null,
      el('div.gate-actions', {}, approve, el('label.gate-reason', { for: 'gate-reason' }, el('span.visually-hidden', {}, 'Why not'), reason), reject));
  }

  file(path) {
    return el('button.small.quiet', {
      type: 'button',
      onclick: () => {
        this.page.tabs.choose('files');
        this.page.files.pick(path);
      },
    }, path);
  }

  /** One file of text can be changed on the spot. */
  async editor({ files }) {
    if (files.length !== 1) return null;
    const [path] = files;
    const response = await fetch(fileAddress(this.page.project.id, path)).catch(() => null);
    if (!response?.ok || !/^(text\/|application\/(json|javascript|xml))/.test(response.headers.get('content-type') ?? '')) return null;
    const before = await response.text();
    if (before.length > EDIT_CHARS_MAX) return null;
    const text = el('textarea', { rows: Math.min(14, before.split('\n').length + 1), spellcheck: 'true' });
    text.value = before;
    return { path, text, changed: () => text.value !== before };
  }

  show(...children) {
    this.box.replaceChildren(...children.filter(Boolean));
    this.box.hidden = false;
    if (this.page.state.status !== 'waiting') this.asked = null;
  }

  /** Each agent of a run that has ended is a place to begin again. */
  addRetries() {
    for (const { agent, title, index } of this.page.project.agents) {
      const row = byId('agents').querySelector(`[data-index="${index}"] .who`);
      row?.append(el('button.small.quiet.retry-from', {
        type: 'button',
        hidden: true,
        data: { index },
        'aria-label': `Retry from ${title}`,
        title: `A new run that takes what came before ${title} as it is`,
        onclick: ({ currentTarget }) => this.act(currentTarget, () => api.retry(this.page.state.run.id, { from_agent: agent })),
      }, 'Retry from here'));
    }
  }

  async act(button, action) {
    button.disabled = true;
    try {
      await action();
    } catch (problem) {
      toast(problem.text);
    }
    button.disabled = false;
  }
}

/** Why a run that a worker outside drives, or drove, is not paused or begun again here. */
export const drivenText = (worker, ended) => (ended
  ? `Worker ${worker} drove this run from outside: only a worker can begin it again.`
  : `Worker ${worker} drives this run from outside. It can be cancelled here; it cannot be paused.`);

/** A control that cannot be used says why. */
function withhold(button, why) {
  if (why === null && !button.title) return;
  button.disabled = why !== null;
  button.title = why ?? '';
}

/** The place of the first agent without an output: whoever comes later cannot be the first to work again. */
function firstUnfinished(agents) {
  const done = new Set(agents.filter(({ status }) => status === 'completed' || status === 'reused').map(({ index }) => index));
  let place = 1;
  while (done.has(place)) place += 1;
  return place;
}
