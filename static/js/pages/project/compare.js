/** Files of the run beside those of another: which differ, and how. */

import { compareFiles, diffLines, LINES_MAX, linesOf } from '../../client/diff.js';
import { api } from '../../ui/api.js';
import { el, setText } from '../../ui/dom.js';
import { bytes, clock, plural, statusText } from '../../ui/format.js';
import { toast } from '../../ui/notices.js';
import { drawDiff } from './file_diff.js';
import { isPicture, isText } from './file_preview.js';

/** Longer files are named, not compared line by line. */
const TEXT_BYTES_MAX = 1000000;
const WORDS = { same: 'same', changed: 'changed', new: 'new', gone: 'gone' };

export class Compare {
  /** @param {{ page: object, current: () => object[], run: () => string | null, onchange: () => void }} parts */
  constructor({ page, current, run, onchange }) {
    Object.assign(this, { page, current, run, onchange });
    this.other = null;
    this.before = [];
    this.listed = '';
    this.choice = el('select', { 'aria-label': 'Compare with an earlier run', onchange: () => this.choose(this.choice.value) });
    this.only = el('input', { type: 'checkbox', checked: true, onchange: () => this.onchange() });
    this.onlyLabel = el('label.compare-only', { hidden: true }, this.only, ' Only what differs');
    this.says = el('span.hint', { role: 'status' });
    this.bar = el('div.bar.compare-bar', { hidden: true }, this.choice, this.onlyLabel, this.says);
  }

  get active() {
    return this.other !== null;
  }

  /** The runs to choose from; asked for when somebody looks, and when another run is shown. */
  async list() {
    const stamp = `${this.run()} ${this.page.state.status}`;
    if (stamp === this.listed) return;
    this.listed = stamp;
    const answer = await api.runs(this.page.project.id).catch(() => null);
    if (answer === null || this.listed !== stamp) return;
    const runs = answer.runs.filter((run) => run.id !== this.run() && run.agents.some(({ files }) => files > 0));
    if (this.active && !runs.some(({ id }) => id === this.other)) this.choose('');
    this.bar.hidden = runs.length === 0;
    this.choice.replaceChildren(
      el('option', { value: '' }, 'Compare with…'),
      ...runs.map((run) => el('option', { value: run.id, selected: run.id === this.other }, nameOf(run))));
  }

  async choose(run) {
    this.other = run === '' ? null : run;
    this.before = [];
    this.onlyLabel.hidden = run === '';
    setText(this.says, run === '' ? '' : 'Reading its files');
    if (run !== '') {
      try {
        const { files } = await api.runFiles(run);
        if (this.other !== run) return;
        this.before = files;
      } catch (problem) {
        if (this.other !== run) return;
        toast(problem.text);
        this.other = null;
        this.onlyLabel.hidden = true;
        setText(this.says, '');
      }
    }
    this.choice.value = this.other ?? '';
    this.onchange();
  }

  /** The files to list, those that are gone too. */
  entries() {
    const all = compareFiles(this.before, this.current());
    const many = (kind) => all.filter((entry) => entry.kind === kind).length;
    setText(this.says, ['changed', 'new', 'gone', 'same'].map((kind) => `${many(kind)} ${WORDS[kind]}`).join(', '));
    this.all = new Map(all.map((entry) => [entry.path, entry]));
    const shown = this.only.checked ? all.filter(({ kind }) => kind !== 'same') : all;
    return shown.map(({ path, kind, before, after }) => ({ ...(after ?? before), path, kind }));
  }

  entryOf(path) {
    return this.all?.get(path) ?? null;
  }

  /** Puts what differs into a box; answers false when the file itself says all there is to say. */
  async show({ path, kind, before, after }, box) {
    if (kind !== 'changed') return false;
    if (isPicture(before) && isPicture(after)) {
      box.append(el('div.pictures', {}, picture('Before', before), picture('After', after)));
      return true;
    }
    const sizes = `${bytes(before.size)} before, ${bytes(after.size)} now.`;
    if (!isText(before) || !isText(after)) return say(box, `It is not text: ${sizes}`);
    if (before.size > TEXT_BYTES_MAX || after.size > TEXT_BYTES_MAX) return say(box, `It is too long to be compared here: ${sizes}`);
    try {
      const [one, other] = (await Promise.all([before, after].map(read))).map(linesOf);
      if (one.lines.length > LINES_MAX || other.lines.length > LINES_MAX) return say(box, `It has too many lines to be compared here: ${sizes}`);
      drawDiff(box, { path, before: one, after: other, blocks: diffLines(one.lines, other.lines) });
    } catch (problem) {
      say(box, `The files could not be loaded. ${problem.message}`);
    }
    return true;
  }
}

/** What a mark in the list of files means, for who hears it. */
export const kindWord = (kind) => WORDS[kind];

const nameOf = (run) =>
  `${new Date(run.created_at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}, ${clock(run.created_at)} · ${statusText(run.status)}, ${plural(run.agents.reduce((sum, { files }) => sum + files, 0), 'file')}`;

const picture = (title, file) => el('figure', {}, el('figcaption', {}, `${title}, ${bytes(file.size)}`), el('img', { src: `${file.url}?v=${file.sha256.slice(0, 12)}`, alt: `${title}: ${file.path}` }));

async function read(file) {
  const response = await fetch(file.url, { cache: 'no-cache' });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return response.text();
}

function say(box, text) {
  box.append(el('div.empty', {}, text));
  return true;
}
