/** The agents of the pipeline in their order, the pending ones too. */

import { byId, el, setData, setText } from '../../ui/dom.js';
import { agentTone, duration, isTerminal } from '../../ui/format.js';

export class Agents {
  constructor(page, list) {
    this.list = list;
    this.rows = new Map();
    list.replaceChildren();
    for (const agent of page.project.agents) this.row(agent);
    // On a phone the log comes first; the rail opens with one tap.
    if (matchMedia('(max-width: 900px)').matches) byId('rail').open = false;
  }

  /** The row of an agent; one that the pipeline does not know gets its place too. */
  row({ index, title }) {
    let row = this.rows.get(index);
    if (row) return row;
    row = {
      cue: el('span.cue', {}, title),
      took: el('span.took'),
      used: el('span.used', { hidden: true }),
      says: el('span.says'),
      bar: el('progress', { max: '100', 'aria-label': title }),
    };
    row.item = el('li.agent', { data: { index } },
      el('span.number', { 'aria-hidden': 'true' }, String(index)),
      el('span.who', {}, row.cue, row.took), row.says, row.used, row.bar);
    this.rows.set(index, row);
    const next = [...this.list.children].find((other) => Number(other.dataset.index) > index) ?? null;
    this.list.insertBefore(row.item, next);
    return row;
  }

  render(state) {
    for (const agent of state.agents) this.row(agent);
    const heard = new Map(state.agents.map((agent) => [agent.index, agent]));
    let done = 0;
    let working = null;
    for (const [index, row] of this.rows) {
      const agent = heard.get(index);
      const tone = toneOf(agent, state);
      if (tone === 'go' || (agent?.status === 'skipped' && state.status === 'completed')) done += 1;
      if (tone === 'standby') working = agent;
      setData(row.item, 'tone', tone);
      setData(row.cue, 'tone', tone);
      setData(row.bar, 'tone', tone);
      row.bar.value = agent?.progress ?? 0;
      setText(row.took, took(agent));
      setText(row.says, agent?.message ?? '');
      row.says.title = agent?.message ?? '';
      if (tone === 'standby') row.item.setAttribute('aria-current', 'step');
      else row.item.removeAttribute('aria-current');
    }
    setText(byId('rail-count'), working ? `${working.index} of ${this.rows.size}: ${working.title}` : `${done} of ${this.rows.size}`);
  }
}

/** An agent that was at work when its run ended is not at work any more. */
function toneOf(agent, state) {
  const tone = agentTone(agent?.status);
  return tone === 'standby' && isTerminal(state.status) ? 'off' : tone;
}

function took(agent) {
  if (!agent) return '';
  if (agent.status === 'reused') return 'reused';
  if (agent.status === 'skipped') return 'skipped';
  return agent.duration_ms === null ? '' : duration(agent.duration_ms);
}
