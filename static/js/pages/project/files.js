/** The files of the project as they appear, and a look into each. */

import { api } from '../../ui/api.js';
import { byId, el, setText } from '../../ui/dom.js';
import { treeOf } from '../../ui/file_tree.js';
import { bytes, isActive } from '../../ui/format.js';
import { Compare, kindWord } from './compare.js';
import { isPicture, preview } from './file_preview.js';

export class Files {
  constructor(page, panel) {
    this.page = page;
    this.panel = panel;
    /** Path to file. */
    this.known = new Map();
    this.run = undefined;
    this.opened = null;
    /** Somebody chose a file; until then the one that tells most is shown. */
    this.picked = false;
    this.stale = true;
    this.closed = new Set();
    this.tree = el('nav.tree', { 'aria-label': 'Files' });
    this.view = el('div.file');
    this.empty = el('div.empty', {}, el('h3', {}, 'No files yet'), el('p', {}, 'Each file appears here the moment an agent has written it.'));
    this.box = el('div.files', {}, this.tree, this.view);
    this.compare = new Compare({
      page,
      current: () => [...this.known.values()],
      run: () => this.run ?? null,
      onchange: () => this.again(),
    });
    panel.replaceChildren(this.empty, this.compare.bar, this.box);
    panel.addEventListener('shown', () => this.compare.list());
  }

  has(path) {
    return this.known.has(path);
  }

  get(path) {
    return this.known.get(path);
  }

  /** Those that are shown as pictures. */
  pictures() {
    return [...this.known.values()].filter(isPicture);
  }

  heard(message, state) {
    if (message.type === 'connection' && message.state) this.load();
    if (message.type === 'completion' && !this.page.replay) this.load();
    if (message.type !== 'artifact' || message.run_id !== state.run?.id) return;
    this.begin(state);
    this.put(message);
    if (isActive(state.status)) this.page.tabs.mark('files');
  }

  /** Another run to compare with, or none: the list and the open file are drawn anew. */
  again() {
    const { opened } = this;
    this.stale = true;
    this.opened = null;
    this.picked = false;
    if (opened !== null && this.listed().some(({ path }) => path === opened)) this.pick(opened);
    this.render(this.page.state);
  }

  /** What the tree lists. */
  listed() {
    return this.compare.active ? this.compare.entries() : [...this.known.values()];
  }

  put(artifact) {
    const { replay } = this.page;
    const file = replay ? replay.fileOf(artifact) : artifact;
    const before = this.known.get(file.path);
    if (before?.sha256 === file.sha256) return;
    this.known.set(file.path, file);
    this.stale = true;
    if (this.opened === file.path) this.open(file.path);
  }

  /** The page shows another moment than the next. */
  reset(state) {
    this.run = undefined;
    this.begin(state);
    if (this.page.replay) this.page.replay.files().forEach((file) => this.put(file));
    else this.load();
  }

  begin(state) {
    const run = state.run?.id ?? null;
    if (run === this.run) return;
    this.run = run;
    this.known.clear();
    this.stale = true;
    for (const artifact of state.artifacts) this.put(artifact);
    if (run !== null && state.artifacts_total > state.artifacts.length && !this.page.replay) this.load();
  }

  /** All of them: the state carries the newest only. */
  async load() {
    try {
      const { run } = this;
      const { files } = await api.files(this.page.project.id);
      if (run !== this.run || this.page.replay) return;
      for (const file of files) this.put(file);
      this.render(this.page.state);
      this.page.tabs.render(this.page.state);
    } catch {
      // What the state carries is there; the rest comes with the next try.
    }
  }

  render(state) {
    this.begin(state);
    for (const artifact of state.artifacts) this.put(artifact);
    if (!this.stale) return;
    this.stale = false;
    setText(byId('files-count'), this.known.size > 0 ? String(this.known.size) : '');
    this.empty.hidden = this.known.size > 0;
    this.box.hidden = this.known.size === 0;
    if (!this.panel.hidden) this.compare.list();
    this.drawTree();
    if (!this.has(this.opened) && !this.compare.entryOf(this.opened)) this.picked = false;
    const first = this.firstToShow();
    if (!this.picked && this.opened !== first) this.open(first);
  }

  firstToShow() {
    if (this.compare.active) return this.listed()[0]?.path ?? null;
    return ['README.md', 'REQUIREMENTS.md', 'brief.json'].find((path) => this.has(path)) ?? [...this.known.keys()][0] ?? null;
  }

  drawTree() {
    const focused = this.tree.contains(document.activeElement) ? document.activeElement.dataset.path : null;
    this.tree.replaceChildren(this.folder(treeOf(this.listed()), ''));
    if (focused) this.tree.querySelector(`[data-path="${CSS.escape(focused)}"]`)?.focus();
  }

  folder({ folders, files }, path) {
    return el('ul', {},
      ...folders.map(([name, inside]) => {
        const whole = `${path}${name}/`;
        const details = el('details', { open: !this.closed.has(whole) }, el('summary', {}, `${name}/`), this.folder(inside, whole));
        details.addEventListener('toggle', () => this.closed[details.open ? 'delete' : 'add'](whole));
        return el('li', {}, details);
      }),
      ...files.map((file) => el('li', {}, el('button', {
        type: 'button',
        data: { path: file.path },
        'aria-current': file.path === this.opened ? 'true' : null,
        onclick: () => this.pick(file.path),
      }, el('span.name', { data: { kind: file.kind ?? 'same' } }, file.name),
      file.kind ? el('span.kind', { data: { kind: file.kind } }, kindWord(file.kind)) : el('span.size', {}, bytes(file.size))))));
  }

  pick(path, line = null) {
    this.picked = true;
    this.open(path, line);
  }

  async open(path, line = null) {
    this.opened = path;
    for (const button of this.tree.querySelectorAll('button')) {
      if (button.dataset.path !== path) button.removeAttribute('aria-current');
      else button.setAttribute('aria-current', 'true');
    }
    if (path === null) {
      this.view.replaceChildren();
      return;
    }
    const entry = this.compare.active ? this.compare.entryOf(path) : null;
    const file = this.known.get(path) ?? entry?.before;
    if (!file) return;
    const body = el('div.file-body', { tabindex: '0', 'aria-label': `Content of ${path}` });
    this.view.replaceChildren(
      el('div.file-head', {},
        el('span.path', {}, path),
        entry ? el('span.kind', { data: { kind: entry.kind } }, kindWord(entry.kind)) : null,
        el('span.hint', {}, [bytes(file.size), file.agent].filter(Boolean).join(' · ')),
        el('a.button.small.quiet', { href: file.url, download: '' }, 'Download')),
      body);
    if (entry && (await this.compare.show(entry, body))) return;
    await preview(file, body, line);
  }
}
