/** The pictures among the files of a run, as they appear: one group for each folder, the last one made first. */

import { byId, el, setText } from '../../ui/dom.js';
import { bytes } from '../../ui/format.js';
import { show } from '../../ui/notices.js';

export class Gallery {
  constructor(page, panel) {
    this.page = page;
    this.panel = panel;
    /** Path to what is shown of it. */
    this.cards = new Map();
    /** Folder to its group. */
    this.groups = new Map();
    panel.addEventListener('shown', () => this.render());
    panel.addEventListener('keydown', (event) => this.move(event));
  }

  render() {
    const pictures = this.page.project.pipeline === 'app' ? [] : this.page.files.pictures();
    setText(byId('pictures-count'), pictures.length > 0 ? String(pictures.length) : '');
    // What nobody looks at loads nothing.
    if (this.panel.hidden) return;
    const shown = new Set(pictures.map(({ path }) => path));
    for (const [path, card] of this.cards) {
      if (shown.has(path)) continue;
      card.box.remove();
      this.cards.delete(path);
    }
    for (const file of pictures) this.put(file);
    for (const [folder, group] of this.groups) {
      const count = group.list.children.length;
      setText(group.count, String(count));
      if (count > 0) continue;
      group.section.remove();
      this.groups.delete(folder);
    }
  }

  put(file) {
    const known = this.cards.get(file.path);
    if (known?.sha256 === file.sha256) return;
    const src = addressOf(file);
    if (known) {
      Object.assign(known, { file, sha256: file.sha256 });
      known.image.src = src;
      return;
    }
    const name = file.path.slice(file.path.lastIndexOf('/') + 1);
    const image = el('img', { src, alt: file.path, loading: 'lazy', decoding: 'async' });
    const card = { file, sha256: file.sha256, image };
    card.box = el('li', {}, el('button.gallery-card', { type: 'button', 'aria-label': `Show ${file.path} large`, onclick: () => this.open(file.path) }, image, el('span', {}, name)));
    this.cards.set(file.path, card);
    card.box.dataset.path = file.path;
    const { list } = this.group(file.path.slice(0, Math.max(file.path.lastIndexOf('/'), 0)));
    list.insertBefore(card.box, list.children[placeOf(file.path, list.children)] ?? null);
  }

  group(folder) {
    let group = this.groups.get(folder);
    if (!group) {
      group = { list: el('ul.gallery'), count: el('span.count') };
      group.section = el('section.gallery-group', { 'aria-label': folder || 'Pictures' }, el('h3', {}, folder === '' ? 'Pictures' : `${folder}/`, ' ', group.count), group.list);
      this.groups.set(folder, group);
      this.panel.prepend(group.section);
    }
    return group;
  }

  /** Arrow keys go from picture to picture. */
  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const all = [...this.panel.querySelectorAll('.gallery-card')];
    const at = all.indexOf(document.activeElement);
    if (step === undefined || at < 0) return;
    event.preventDefault();
    all[(at + step + all.length) % all.length].focus();
  }

  /** One of them large; arrow keys show its neighbours. */
  open(path) {
    const order = [...this.panel.querySelectorAll('.gallery-card img')].map((image) => image.alt);
    let at = order.indexOf(path);
    const image = el('img.making-large', { alt: '' });
    const words = el('p.hint');
    const dialog = show(path, image, words, el('div.dialog-actions', {},
      el('button.small', { type: 'button', onclick: () => turn(-1) }, 'Previous'),
      el('button.small', { type: 'button', onclick: () => turn(1) }, 'Next'),
      el('button.small', { type: 'button', onclick: () => this.openFile(dialog, order[at]) }, 'Open in files')));
    dialog.classList.add('wide');
    const draw = () => {
      const file = this.cards.get(order[at])?.file;
      if (!file) return dialog.close();
      image.src = addressOf(file);
      image.alt = file.path;
      setText(dialog.querySelector('h2'), file.path);
      dialog.setAttribute('aria-label', file.path);
      setText(words, `${at + 1} of ${order.length} · ${bytes(file.size)} · made by ${file.agent}`);
    };
    const turn = (step) => {
      at = (at + step + order.length) % order.length;
      draw();
    };
    dialog.addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) turn(step);
    });
    draw();
  }

  openFile(dialog, path) {
    dialog.close();
    this.page.tabs.choose('files');
    this.page.files.pick(path);
  }
}

const names = new Intl.Collator('en', { numeric: true });

/** Where a picture belongs among those that are there: by name, with numbers as numbers. */
function placeOf(path, boxes) {
  let [from, to] = [0, boxes.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (names.compare(boxes[middle].dataset.path, path) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The bytes of this very version: a file that an agent writes anew is another picture. */
const addressOf = ({ url, sha256 }) => `${url}${url.includes('?') ? '&' : '?'}v=${sha256.slice(0, 12)}`;
