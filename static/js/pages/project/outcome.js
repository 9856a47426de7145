/** How the run ended, in words that help: what, where, and what to do now. */

import { api, sentence } from '../../ui/api.js';
import { el } from '../../ui/dom.js';
import { duration, plural, statusText, statusTone } from '../../ui/format.js';
import { toast } from '../../ui/notices.js';

const TITLES = {
  completed: 'It is ready',
  partial: 'A part is ready, the run ended',
  failed: 'The run failed',
  cancelled: 'The run was cancelled',
  timed_out: 'The run took too long',
};

export class Outcome {
  constructor(page, box) {
    this.page = page;
    this.box = box;
    this.shown = null;
  }

  render(state) {
    const { completion } = state;
    // A finished app speaks for itself.
    const worthIt = completion !== null && completion.status !== 'completed';
    this.box.hidden = !worthIt;
    if (!worthIt || this.shown === completion) return;
    this.shown = completion;
    this.box.dataset.tone = statusTone(completion.status);
    this.box.replaceChildren(...this.content(completion, state));
    this.offerEarlier(completion, state);
  }

  content(completion, state) {
    const { error, evidence } = completion;
    const agent = state.agents.find((known) => known.agent === error?.agent);
    const text = error?.message ?? completion.message;
    return [
      el('h2', {}, titleOf(completion.status, agent)),
      saysMore(text, completion) ? el('p', {}, sentence(text)) : null,
      error?.file ? el('p.where', {}, 'In ', this.place(error)) : null,
      evidence ? el('p.hint', {}, evidenceText(evidence)) : null,
      el('p.hint', {}, `After ${duration(completion.duration_ms)}, with ${plural(completion.artifacts, 'file')} made.${
        state.run && completion.artifacts > 0 ? ' A retry takes up what finished agents made.' : ''}`),
      agent ? el('div.outcome-actions', {},
        state.run ? el('button.small.retry-outcome', { type: 'button', onclick: () => this.retryFrom(agent.agent) }, `Retry from ${agent.title}`) : null,
        el('button.small', { type: 'button', onclick: () => this.showErrors(agent.agent) }, 'Show its log')) : null,
    ].filter(Boolean);
  }

  /** What is there now stands in for nothing: an earlier run that came to its end has its own archive. */
  async offerEarlier(completion, state) {
    if (!state.run) return;
    const { runs } = await api.runs(this.page.project.id).catch(() => ({ runs: [] }));
    const whole = runs.find((run) => run.status === 'completed' && run.archive_url && run.id !== state.run.id);
    if (!whole || this.shown !== completion) return;
    this.box.append(el('p', { id: 'earlier-result' },
      completion.artifacts > 0 ? 'The files shown are those of this run. ' : 'The files shown are those of an earlier run. ',
      el('a', { href: whole.archive_url, download: true }, 'Download the result of the last run that completed'), '.'));
  }

  /** A file that was made can be opened; a template of the house can only be named. */
  place({ file, line }) {
    const words = line ? `${file}, line ${line}` : file;
    if (!this.page.files.has(file)) return words;
    return el('button.small.quiet', {
      type: 'button',
      onclick: () => {
        this.page.tabs.choose('files');
        this.page.files.pick(file, line);
      },
    }, words);
  }

  async retryFrom(agent) {
    try {
      await api.retry(this.page.state.run.id, { from_agent: agent });
    } catch (problem) {
      toast(problem.text);
    }
  }

  showErrors(agent) {
    this.page.tabs.choose('log');
    this.page.log.filterBy({ agent });
  }
}

/** What the title and the evidence say already is not said again. */
export function saysMore(text, { status, evidence }) {
  return text.toLowerCase() !== status && !(evidence && text.startsWith('Cancelled: '));
}

function titleOf(status, agent) {
  const title = TITLES[status] ?? statusText(status);
  return agent && status !== 'cancelled' ? `${title} at ${agent.title}` : title;
}

function evidenceText({ processes_ended: ended, processes_left: left, took_ms: took }) {
  const ends = `It took ${duration(took)}.`;
  if (left > 0) return `${plural(ended, 'process', 'processes')} ended, ${left} could not be ended. ${ends}`;
  return ended === 0 ? `No process is left. ${ends}` : `${plural(ended, 'process', 'processes')} ended, none is left. ${ends}`;
}
