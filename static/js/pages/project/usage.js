/** What models used: tokens and cost, of the run and of each agent; nothing where no model was asked. */

import { api } from '../../ui/api.js';
import { byId, setText } from '../../ui/dom.js';
import { usageDetail, usageText } from '../../ui/format.js';

/** Figures come in bursts. */
const ASK_AFTER_MS = 400;

export class Usage {
  constructor(page, agents) {
    this.page = page;
    this.agents = agents;
    this.run = undefined;
    this.record = null;
  }

  /** Agents say what they used as figures; how much that is together, and what it costs, is on the record of the run. */
  heard(message, state) {
    const figures = message.type === 'event' && message.name === 'metrics';
    const missed = message.type === 'connection' && message.state;
    if ((figures || missed || message.type === 'completion') && (message.run_id ?? state.run?.id) === state.run?.id) this.soon();
  }

  soon() {
    this.later ??= setTimeout(() => {
      this.later = null;
      this.ask();
    }, ASK_AFTER_MS);
  }

  async ask() {
    const { run } = this;
    if (!run) return;
    const record = await api.run(run).catch(() => null);
    if (record === null || run !== this.run) return;
    this.record = record;
    this.draw();
  }

  render(state) {
    const run = state.run?.id ?? null;
    if (run !== this.run) {
      this.run = run;
      this.record = null;
      this.soon();
    }
    this.draw();
  }

  draw() {
    // A replay shows what was known then, and this was not.
    const record = this.page.replay ? null : this.record;
    const line = byId('usage');
    const usage = record?.usage ?? null;
    line.hidden = usage === null;
    setText(line, usageText(usage));
    line.title = usageDetail(usage);
    const used = new Map((record?.agents ?? []).map((agent) => [agent.index, agent.usage ?? null]));
    for (const [index, row] of this.agents.rows) {
      const own = used.get(index) ?? null;
      row.used.hidden = own === null;
      setText(row.used, usageText(own));
      row.used.title = usageDetail(own);
    }
  }
}
