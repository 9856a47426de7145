/** What became of the brief: requirements, their tests, and what was not covered. */

import { plainText } from '../../ui/api.js';
import { el } from '../../ui/dom.js';
import { plural } from '../../ui/format.js';

export class Result {
  constructor(page, panel) {
    this.page = page;
    this.panel = panel;
    this.stamp = null;
    panel.addEventListener('shown', () => this.render(page.state));
  }

  render() {
    if (this.panel.hidden && this.stamp !== null) return;
    const { stamp } = this.page.result;
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    this.load(stamp);
  }

  async load(stamp) {
    try {
      const result = await this.page.result.load();
      if (stamp !== this.stamp) return;
      this.panel.replaceChildren(result ? this.content(result) : el('div.empty', {}, el('h3', {}, 'No requirements yet'),
        el('p', {}, 'The second agent turns every sentence of the brief into requirements, or says which it does not cover.')));
    } catch {
      if (stamp !== this.stamp) return;
      // Opening the tab again tries again.
      this.stamp = null;
      this.panel.replaceChildren(el('div.empty', {}, el('h3', {}, 'The requirements could not be read'),
        el('p', {}, 'Open this tab again in a moment. The files requirements.json and report.json are under Files.')));
    }
  }

  content(result) {
    return el('div.result', {},
      el('dl.figures', {},
        figure('Sentences covered', `${result.covered}`, ` of ${result.sentences}`),
        figure('Requirements', `${result.requirements.length}`),
        result.tests ? figure('Tests passed', `${result.tests.passed}`, ` of ${result.tests.total}`) : figure('Tests passed', '–', ' not run yet'),
        result.mutation ? figure('Planted faults caught', `${Math.floor(result.mutation.score)} %`, ` ${result.mutation.killed} of ${result.mutation.total}`) : null),
      notCovered(result),
      el('div.matrix', {}, ...result.requirements.map(line)),
      survivors(result.mutation));
  }
}

const figure = (title, value, more = '') =>
  el('div.figure', {}, el('dt', {}, title), el('dd', {}, value, more ? el('small', {}, more) : null));

function notCovered({ notCovered: open }) {
  if (open.length === 0) return el('p.pass', {}, 'Every sentence of the brief was understood.');
  return el('section.not-covered', { 'aria-label': 'Not covered' },
    el('h3', {}, `Not covered: ${plural(open.length, 'sentence')}`),
    el('p.hint', {}, 'Nothing was built for these words of the brief.'),
    el('ul', {}, ...open.map(({ text, reason }) => el('li', {}, el('q', {}, text), el('span.hint', {}, plainText(reason))))));
}

/** Small changes of the code that no test noticed: where the tests are thin. */
function survivors(mutation) {
  if (!mutation || mutation.survivors.length === 0) return null;
  return el('details', {},
    el('summary', {}, `${plural(mutation.survivors.length, 'planted fault')} that no test noticed`),
    el('div.scroll-x', {}, el('table', {},
      el('thead', {}, el('tr', {}, ...['Where', 'Before', 'After'].map((title) => el('th', { scope: 'col' }, title)))),
      el('tbody', {}, ...mutation.survivors.map(({ file, line, before, after }) => el('tr', {},
        el('td', {}, `${file}:${line}`), el('td', {}, el('code', {}, before.trim())), el('td', {}, el('code', {}, after.trim()))))))));
}

function line(requirement) {
  const { id, text, sentence, criteria, passed, failed } = requirement;
  const [name, words] = failed > 0
    ? ['fail', `${failed} of ${criteria.length} failed`]
    : passed > 0 ? ['pass', `${passed} of ${criteria.length} passed`] : ['open', plural(criteria.length, 'criterion', 'criteria')];
  return el('details', { open: failed > 0 },
    el('summary', {}, el('span.id', {}, id), el('span', {}, text), el(`span.verdict.${name}`, {}, words)),
    el('div.inside', {},
      sentence === null ? el('span.hint', {}, 'Implied by the others.') : el('blockquote', {}, sentence),
      el('ul', {}, ...criteria.map((criterion) => el('li', {},
        el(`span.${marks[criterion.verdict][0]}`, { 'aria-label': criterion.verdict }, marks[criterion.verdict][1]),
        el('span', {}, `${criterion.id} ${criterion.text}`, criterion.message ? el('div.hint', {}, criterion.message) : null))))));
}

const marks = { passed: ['pass', '✓'], failed: ['fail', '✗'], open: ['open', '·'] };
