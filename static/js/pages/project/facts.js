/** What came out, in a line: the first thing to see when a run has ended well. */

import { byId, el } from '../../ui/dom.js';
import { plural } from '../../ui/format.js';

export class Facts {
  constructor(page, box) {
    this.page = page;
    this.box = box;
    this.shown = '';
  }

  render(state) {
    const ended = state.status === 'completed' || state.status === 'partial';
    const stamp = ended && this.page.files.has('report.json') ? `${this.page.result.stamp} ${state.artifacts_total}` : '';
    if (stamp === this.shown) return;
    this.shown = stamp;
    if (stamp === '') this.show([]);
    else this.load(stamp, state);
  }

  async load(stamp, state) {
    const result = await this.page.result.load().catch(() => null);
    if (stamp !== this.shown) return;
    this.show(result === null ? [] : factsOf(result, state.artifacts_total));
  }

  /** They stand where the last message stood, so that nothing on the page moves. */
  show(facts) {
    byId('message').hidden = facts.length > 0;
    this.box.hidden = facts.length === 0;
    this.box.replaceChildren(...facts.map(({ tone, text, tab }) => el('button.fact', {
      type: 'button',
      data: { tone },
      onclick: () => this.page.tabs.choose(tab),
    }, text)));
  }
}

/** @returns {{ tone: string, text: string, tab: string }[]} */
export function factsOf({ covered, sentences, notCovered, tests, mutation }, files) {
  const whole = notCovered.length === 0;
  return [
    { tone: whole ? 'go' : 'standby', text: `${covered} of ${plural(sentences, 'sentence')} covered`, tab: 'result' },
    tests && { tone: tests.passed === tests.total ? 'go' : 'stop', text: `${tests.passed} of ${plural(tests.total, 'test')} passed`, tab: 'result' },
    mutation && { tone: 'off', text: `${Math.floor(mutation.score)} % of planted faults caught`, tab: 'result' },
    { tone: 'off', text: plural(files, 'file'), tab: 'files' },
  ].filter(Boolean);
}
