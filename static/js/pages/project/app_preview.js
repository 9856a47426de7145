/** The generated app, running in a frame that can reach nothing of this page. */

import { el } from '../../ui/dom.js';
import { isActive } from '../../ui/format.js';

const FILE = 'standalone.html';
const SANDBOX = 'allow-scripts allow-forms allow-downloads allow-modals';

export class AppPreview {
  constructor(page, panel) {
    this.page = page;
    this.panel = panel;
    this.shown = null;
    panel.addEventListener('shown', () => this.render(page.state));
    this.showEmpty(page.state);
  }

  render(state) {
    const file = this.page.files.get(FILE);
    if (!file) {
      this.shown = null;
      this.showEmpty(state);
      return;
    }
    if (this.shown === file.sha256) return;
    // A frame in a hidden panel would load for nobody.
    if (this.panel.hidden) {
      this.page.tabs.mark('app');
      return;
    }
    this.shown = file.sha256;
    this.showApp();
  }

  showEmpty(state) {
    const [title, text] = isActive(state.status)
      ? ['The app is being built', 'It opens here as soon as the last agent has packed it.']
      : ['There is no app yet', state.completion ? 'The run ended before the app was packed.' : 'Start a run, and the app will open here.'];
    if (this.emptyTitle === title + text) return;
    this.emptyTitle = title + text;
    this.panel.replaceChildren(el('div.empty', {}, el('h3', {}, title), el('p', {}, text)));
  }

  showApp() {
    this.emptyTitle = null;
    const address = this.page.files.get(FILE).url;
    const frame = el('iframe', { sandbox: SANDBOX, src: address, title: `Preview of ${this.page.project.name}`, referrerpolicy: 'no-referrer' });
    const stage = el('div.stage-frame', { data: { width: 'desktop' } }, frame);
    const widths = ['desktop', 'phone'].map((width) => el('button.small', {
      type: 'button',
      'aria-pressed': String(width === 'desktop'),
      onclick: () => {
        stage.dataset.width = width;
        for (const other of widths) other.setAttribute('aria-pressed', String(other.textContent.toLowerCase() === width));
      },
    }, width === 'desktop' ? 'Desktop' : 'Phone'));
    this.panel.replaceChildren(
      el('div.bar', {},
        el('span.widths', { role: 'group', 'aria-label': 'Width of the preview' }, ...widths),
        el('button.small.quiet', { type: 'button', onclick: () => { frame.src = address; } }, 'Start over'),
        el('span.hint.push', {}, 'A trial: nothing you enter here is kept.'),
        el('a.button.small', { href: address, target: '_blank', rel: 'noopener' }, 'Open in a new tab')),
      stage);
  }
}
