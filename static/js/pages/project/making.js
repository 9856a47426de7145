/** The picture that an agent is making, step by step, until it is there. */

import { making, makingOf } from '../../client/making.js';
import { api } from '../../ui/api.js';
import { el, setText } from '../../ui/dom.js';
import { show } from '../../ui/notices.js';

export class Making {
  constructor(page, box) {
    this.page = page;
    this.box = box;
    this.shown = null;
    /** The address that is loading, and the one that is in sight. */
    this.loading = null;
    this.seen = null;
    this.image = el('img', { alt: '' });
    this.picture = el('button.making-picture', { type: 'button', onclick: () => this.enlarge() }, this.image);
    this.title = el('strong');
    this.says = el('span.hint');
    this.bar = el('progress', { max: '1', 'aria-label': 'Steps of the picture' });
    this.open = el('button.small', { type: 'button', onclick: () => this.openFile() }, 'Open in files');
    box.replaceChildren(this.picture, el('div.making-text', {}, this.title, this.says, this.bar, this.open));
  }

  /** Previews are no part of the state: who comes while an agent works, or after a run that ended early, asks for the newest. */
  async ask(state) {
    const run = state.run?.id;
    if (!run || state.status === 'completed' || this.page.replay) return;
    const record = await api.run(run).catch(() => null);
    const { state: now } = this.page;
    if (record === null || this.shown !== null || now.run?.id !== run) return;
    this.shown = makingOf(record, now);
    this.render();
  }

  reset(state) {
    this.shown = null;
    this.ask(state);
  }

  heard(message, state) {
    if (message.type === 'connection' && (message.state || !this.asked)) {
      this.asked = true;
      this.ask(state);
    }
    this.shown = making(this.shown, message, state);
  }

  render() {
    const { shown } = this;
    if (shown === null) {
      this.box.hidden = true;
      this.loading = this.seen = null;
      return;
    }
    const title = this.page.project.agents.find(({ agent }) => agent === shown.agent)?.title ?? shown.agent;
    const steps = shown.of === null ? '' : `Step ${shown.step} of ${shown.of}`;
    setText(this.title, shown.result ? shown.result.path : shown.last ? `${title} came this far` : `${title} is making this`);
    setText(this.says, shown.result ? `Made by ${title}` : steps);
    this.bar.hidden = Boolean(shown.result) || shown.last || shown.of === null;
    this.bar.max = shown.of ?? 1;
    this.bar.value = shown.step ?? 0;
    this.open.hidden = !shown.result;
    const made = shown.last ? `How far ${title} came` : `What ${title} is making`;
    this.image.alt = shown.result ? `${shown.result.path}, made by ${title}` : `${made}${steps && `, ${steps.toLowerCase()}`}`;
    this.picture.setAttribute('aria-label', `${this.image.alt}. Show it large`);
    this.load();
  }

  /** The newest is loaded when the one before is there: pictures that come fast give way to newer ones. */
  async load() {
    const url = this.url;
    if (this.loading !== null || url === this.seen) return;
    this.loading = url;
    const next = new Image();
    next.src = url;
    const fine = await next.decode().then(() => true, () => false);
    if (this.loading !== url) return;
    this.loading = null;
    this.seen = url;
    if (this.shown === null) return;
    // A picture that cannot be shown leaves the one before.
    if (fine) {
      this.image.src = url;
      this.box.hidden = false;
    }
    if (this.url !== url) this.load();
  }

  get url() {
    return this.shown?.result?.url ?? this.shown?.url ?? null;
  }

  enlarge() {
    const dialog = show(this.title.textContent, el('img.making-large', { src: this.image.src, alt: this.image.alt }));
    dialog.classList.add('wide');
  }

  openFile() {
    const path = this.shown?.result?.path;
    if (!path) return;
    this.page.tabs.choose('files');
    this.page.files.pick(path);
  }
}
