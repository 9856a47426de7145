/** Links that read this project and nothing else: made, copied and taken back. */

import { api } from '../../ui/api.js';
import { el } from '../../ui/dom.js';
import { show, snippet, toast } from '../../ui/notices.js';

const DAY_MS = 24 * 3600 * 1000;
const LASTING = [['1', 'a day'], ['7', 'a week'], ['30', 'a month']];

export class Share {
  constructor(page, button) {
    this.page = page;
    button.addEventListener('click', () => this.open());
  }

  async open() {
    const id = this.page.project.id;
    const made = el('div', { 'aria-live': 'polite' });
    const list = el('ul.shares');
    const days = el('select', { id: 'share-days' }, ...LASTING.map(([value, text]) => el('option', { value }, text)));
    days.value = '7';
    const refresh = async () => {
      const { shares } = await api.shares(id);
      list.replaceChildren(...shares.map((share) => el('li', {},
        el('span', {}, `${share.name || share.id}, until ${new Date(share.expires_at).toLocaleString()} `),
        el('button.small.quiet', { type: 'button', onclick: () => this.try(async () => {
          await api.unshare(id, share.id);
          await refresh();
        }) }, 'Take back'))));
    };
    const make = el('button.primary', { type: 'button', onclick: () => this.try(async () => {
      const share = await api.share(id, { expires_in_ms: Number(days.value) * DAY_MS });
      made.replaceChildren(snippet('Anybody with this link can read this project. It is shown once.', share.url));
      await refresh();
    }) }, 'Make a link');
    await this.try(async () => {
      await refresh();
      show('Share this project',
        el('label', { for: 'share-days' }, 'A link that reads this project, for'), days, ' ', make, made, list);
    });
  }

  async try(work) {
    try {
      await work();
    } catch (problem) {
      toast(problem.text ?? problem.message);
    }
  }
}
