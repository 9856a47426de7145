/** The tabs. The page picks the one that fits the moment, until a person picks. */

import { byId } from '../../ui/dom.js';
import { isActive } from '../../ui/format.js';

const NAMES = ['app', 'pictures', 'log', 'timeline', 'files', 'result', 'runs'];

export class Tabs {
  constructor(page) {
    this.page = page;
    this.current = 'log';
    this.chosen = false;
    this.run = undefined;
    const bar = byId('tabs');
    bar.addEventListener('click', (event) => {
      const tab = event.target.closest('[role="tab"]');
      if (tab) this.choose(tab.id.slice(4));
    });
    bar.addEventListener('keydown', (event) => {
      const names = NAMES.filter((name) => this.has(name));
      const at = names.indexOf(this.current);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.choose(names[(to + names.length) % names.length]);
      byId(`tab-${this.current}`).focus();
    });
    if (/^#L\d+$/.test(location.hash)) this.choose('log');
    window.addEventListener('hashchange', () => /^#L\d+$/.test(location.hash) && this.choose('log'));
  }

  /** Whether there is, or will be, something behind a tab: an app and requirements come of a run that builds one. */
  has(name) {
    if (name === 'pictures') return this.page.project.pipeline !== 'app' && this.page.files.pictures().length > 0;
    const file = { app: 'standalone.html', result: 'requirements.json' }[name];
    return file === undefined || this.page.project.pipeline === 'app' || this.page.files.has(file);
  }

  choose(name) {
    if (!this.has(name)) return;
    this.chosen = true;
    this.open(name);
  }

  open(name) {
    this.current = name;
    for (const other of NAMES) {
      const tab = byId(`tab-${other}`);
      tab.setAttribute('aria-selected', String(other === name));
      tab.tabIndex = other === name ? 0 : -1;
      byId(`panel-${other}`).hidden = other !== name;
    }
    byId(`tab-${name}`).classList.remove('fresh');
    this.bring(byId(`tab-${name}`));
    byId(`panel-${name}`).dispatchEvent(new CustomEvent('shown'));
  }

  /** A strip that is wider than the page shows the tab that is open. */
  bring(tab) {
    const bar = byId('tabs');
    if (bar.scrollWidth > bar.clientWidth) bar.scrollTo({ left: tab.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2 });
  }

  /** Says that there is something new behind a tab. */
  mark(name) {
    if (this.current !== name) byId(`tab-${name}`).classList.add('fresh');
  }

  render(state) {
    for (const name of NAMES) byId(`tab-${name}`).hidden = !this.has(name);
    if (!this.has(this.current)) this.chosen = false;
    const run = state.run?.id ?? null;
    if (run !== this.run) {
      // Another run begins: what somebody picked for the last one does not hold for this.
      if (this.run !== undefined) this.chosen = false;
      this.run = run;
    }
    if (this.chosen) return;
    const fits = !isActive(state.status) && state.completion ? this.result() : 'log';
    if (fits !== this.current) this.open(fits);
  }

  /** Where what was made is best seen. */
  result() {
    if (this.page.files.has('standalone.html')) return 'app';
    return this.has('pictures') && this.page.files.pictures().length > 1 ? 'pictures' : 'log';
  }
}
