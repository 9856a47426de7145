/** The dashboard: one feed, and a panel for each thing to look after. */

import { remember } from '../client/chart.js';
import { api } from '../ui/api.js';
import { byId, setData, setText } from '../ui/dom.js';
import { ago, clock } from '../ui/format.js';
import { announce, confirm, toast } from '../ui/notices.js';
import { Alerts } from './admin/alerts.js';
import { Audit } from './admin/audit.js';
import { broadcast } from './admin/broadcast.js';
import { Clients } from './admin/clients.js';
import { Feed } from './admin/feed.js';
import { Overview } from './admin/overview.js';
import { Rooms } from './admin/rooms.js';
import { Runs } from './admin/runs.js';
import { uptime } from './admin/words.js';

const PANELS = ['overview', 'runs', 'rooms', 'clients', 'audit'];

class Dashboard {
  constructor() {
    this.samples = [];
    this.paused = null;
    this.total = null;
    /** What has not been told yet: until then nothing claims that there is none. */
    this.unheard = new Set(['dashboard_state', 'system_metrics_update']);
    document.body.classList.add('unheard');
    this.alerts = new Alerts();
    this.overview = new Overview(byId('panel-overview'));
    this.rooms = new Rooms(byId('panel-rooms'));
    this.runs = new Runs(byId('panel-runs'), (id, name) => {
      this.open('rooms');
      this.rooms.tail.open(id, name);
    });
    this.clients = new Clients(byId('panel-clients'), this.rooms);
    this.audit = new Audit(byId('panel-audit'));
    byId('say').addEventListener('click', () => broadcast(this.rooms.names, this.total));
    byId('queue-switch').addEventListener('click', () => this.switchQueue());
    this.tabs();
    this.feed = new Feed({ heard: (name, payload) => this.heard(name, payload), link: (state, words) => this.link(state, words) });
  }

  heard(name, payload) {
    if (this.unheard.delete(name) && this.unheard.size === 0) document.body.classList.remove('unheard');
    switch (name) {
      case 'dashboard_state':
        this.samples = payload.history;
        this.overview.history(this.samples);
        this.alerts.state(payload.alerts);
        this.runs.state(payload.jobs);
        this.audit.state(payload.audit);
        break;
      case 'system_metrics_update':
        this.metrics(payload.metrics);
        break;
      case 'job_update':
        this.runs.heard(payload.job);
        break;
      case 'admin_alert':
        this.alerts.heard(payload);
        break;
      case 'audit_entry':
        this.audit.heard(payload.entry);
        break;
      case 'broadcast':
        announce(payload.message);
        break;
      default:
    }
  }

  metrics(metrics) {
    this.total = metrics.connections;
    this.samples = remember(this.samples, metrics.sample);
    this.overview.history(this.samples);
    this.overview.metrics(metrics);
    this.rooms.metrics(metrics);
    this.clients.metrics(metrics);
    this.queue(metrics.queue);
    setText(byId('server-line'), `Callboard ${metrics.stats.version}, up ${uptime(metrics.uptime_s)}, looked at ${clock(metrics.stats.at)}`);
  }

  queue(queue) {
    const { paused } = queue;
    this.paused = paused;
    this.runs.queue(queue);
    const button = byId('queue-switch');
    button.disabled = false;
    button.classList.toggle('primary', paused !== null);
    setText(button, paused ? 'Let the queue go on' : 'Pause queue');
    button.title = paused ? `Paused by ${paused.by} ${ago(paused.at, Date.now())}` : '';
  }

  async switchQueue() {
    const pause = this.paused === null;
    const sure = !pause || (await confirm({ title: 'Pause the queue?', text: 'What works goes on; nothing else begins until somebody lets the queue go on.', yes: 'Pause', no: 'Leave it' }));
    if (!sure) return;
    try {
      this.queue(await api.switchQueue(pause));
      toast(pause ? 'The queue is paused.' : 'The queue goes on.');
    } catch (problem) {
      toast(problem.text ?? problem.message);
    }
  }

  link(state, words) {
    setData(byId('link'), 'state', state);
    setText(byId('link'), words);
  }

  tabs() {
    const bar = byId('tabs');
    bar.addEventListener('click', (event) => {
      const tab = event.target.closest('[role="tab"]');
      if (tab) this.open(tab.id.slice(4));
    });
    bar.addEventListener('keydown', (event) => {
      const at = PANELS.indexOf(this.current);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: PANELS.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.open(PANELS[(to + PANELS.length) % PANELS.length]);
      byId(`tab-${this.current}`).focus();
    });
    window.addEventListener('hashchange', () => this.open(location.hash.slice(1)));
    this.open(location.hash.slice(1));
  }

  open(name) {
    this.current = PANELS.includes(name) ? name : 'overview';
    for (const other of PANELS) {
      const tab = byId(`tab-${other}`);
      const chosen = other === this.current;
      tab.setAttribute('aria-selected', String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      byId(`panel-${other}`).hidden = !chosen;
      if (chosen) tab.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    }
    history.replaceState(null, '', this.current === 'overview' ? location.pathname : `#${this.current}`);
  }
}

new Dashboard();
