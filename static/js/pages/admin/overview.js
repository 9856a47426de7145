/** Figures, charts, connections by surface and type, and the machine. */

import { el, setData, setText } from '../../ui/dom.js';
import { duration } from '../../ui/format.js';
import { Chart } from './chart.js';
import { bytes, ms, percentText, short, surfaceText, typeText, uptime } from './words.js';

const CHARTS = [
  { title: 'Events', hint: 'per second', format: short, series: [{ key: 'delivered_per_s', label: 'Delivered', tone: 'a' }, { key: 'published_per_s', label: 'Published', tone: 'b' }] },
  { title: 'Fan-out', hint: 'durable to written', format: ms, series: [{ key: 'fanout_p99_ms', label: 'p99', tone: 'a' }, { key: 'fanout_p50_ms', label: 'p50', tone: 'b' }] },
  { title: 'Append', hint: 'call to durable', format: ms, series: [{ key: 'append_p99_ms', label: 'p99', tone: 'a' }, { key: 'append_p50_ms', label: 'p50', tone: 'b' }] },
  { title: 'Connections', format: short, least: 5, series: [{ key: 'connections', label: 'Open', tone: 'a' }, { key: 'lagging', label: 'Lagging', tone: 'c' }] },
  { title: 'Runs', format: short, least: 5, series: [{ key: 'active', label: 'Working', tone: 'a' }, { key: 'queued', label: 'Waiting', tone: 'c' }] },
  { title: 'Machine', hint: 'share in use', format: percentText, max: 100, series: [{ key: 'cpu_percent', label: 'Processors', tone: 'a' }, { key: 'memory_used_percent', label: 'Memory', tone: 'b' }] },
];

export class Overview {
  constructor(root) {
    this.tiles = new Map();
    this.grid = el('dl.tiles');
    this.charts = CHARTS.map((options) => new Chart(options));
    this.surfaces = new Bars('By surface', surfaceText);
    this.types = new Bars('By type', typeText);
    this.codes = new Bars('Closed, by code', codeText);
    this.machine = el('dl.facts');
    root.append(this.grid, el('div.charts', {}, ...this.charts.map((chart) => chart.root)),
      el('div.pair', {},
        el('section.sheet.box', { 'aria-labelledby': 'connections-title' }, el('h2', { id: 'connections-title' }, 'Live connections'), this.surfaces.root, this.types.root, this.codes.root),
        el('section.sheet.box', { 'aria-labelledby': 'machine-title' }, el('h2', { id: 'machine-title' }, 'Machine and store'), this.machine)));
    for (const [name] of TILES) this.tile(name);
  }

  history(samples) {
    const shown = samples.map((sample) => ({
      ...sample,
      memory_used_percent: sample.memory_free_percent === null ? null : 100 - sample.memory_free_percent,
    }));
    for (const chart of this.charts) chart.show(shown);
  }

  metrics(metrics) {
    for (const [name, value, detail, tone] of TILES) this.tile(name, value(metrics), detail(metrics), tone?.(metrics) ?? '');
    const { connections, sockets } = metrics.stats;
    this.surfaces.show(connections.by_surface);
    this.types.show(connections.by_client_type);
    this.codes.show(sockets.closed);
    this.drawMachine(metrics);
  }

  tile(name, value = '–', detail = '', tone = '') {
    let parts = this.tiles.get(name);
    if (!parts) {
      parts = { value: el('span'), detail: el('small') };
      parts.box = el('div.tile.sheet', {}, el('dt', {}, name), el('dd', {}, parts.value, parts.detail));
      this.tiles.set(name, parts);
      this.grid.append(parts.box);
    }
    setText(parts.value, value);
    setText(parts.detail, detail);
    setData(parts.box, 'tone', tone);
  }

  drawMachine({ stats, sample }) {
    const { system, store } = stats;
    const used = (free, total) => (free === null || total === null ? '–' : `${bytes(free)} of ${bytes(total)} (${percentText((100 * free) / total)})`);
    const facts = [
      ['Processors', `${percentText(system.cpu_percent)} busy, this server ${percentText(system.process_cpu_percent)} of one`],
      ['Load', system.load ? system.load.map((load) => load.toFixed(2)).join(' · ') : '–'],
      ['Memory to be had', used(system.memory_available_bytes, system.memory_total_bytes)],
      ['Memory of this server', bytes(system.memory_bytes)],
      ['Free disk', used(system.disk_free_bytes, system.disk_total_bytes)],
      ['Store', `${bytes(store.size_bytes)}, ${short(store.projects)} projects, ${store.waiting} batches waiting`],
      ['Events written', short(store.events_appended)],
      ['Waiting for peers', bytes(sample.queued_bytes)],
    ];
    this.machine.replaceChildren(...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
  }
}

const TILES = [
  ['Connections', (m) => short(m.connections), (m) => `in ${short(m.rooms_total)} ${m.rooms_total === 1 ? 'room' : 'rooms'}`],
  ['Working', (m) => short(m.queue.active), (m) => `of ${m.queue.active_max} at once`],
  ['Waiting', (m) => short(m.queued_jobs), (m) => (m.queue.paused ? 'queue paused' : m.queue.oldest_queued_ms === null ? 'nobody' : `the oldest ${duration(m.queue.oldest_queued_ms)}`), (m) => (m.queue.paused ? 'standby' : '')],
  ['Completed', (m) => short(m.completed_today), () => 'today, in UTC'],
  ['Delivered', (m) => short(m.sample.delivered_per_s), () => 'events / s'],
  ['Lagging', (m) => short(m.sample.lagging), (m) => bytes(m.sample.queued_bytes), (m) => (m.sample.lagging > 0 ? 'standby' : '')],
  ['Free disk', (m) => percentText(m.sample.disk_free_percent), (m) => bytes(m.stats.system.disk_free_bytes)],
  ['Up', (m) => uptime(m.uptime_s), (m) => `version ${m.stats.version}`],
];

const CODES = { 1000: 'goodbye', 1001: 'left the page', 1005: 'without a code', 1006: 'broke off', 1009: 'too long', 4000: 'server went down', 4501: 'no token', 4502: 'token revoked', 4503: 'token expired', 4504: 'project removed', 4505: 'put out' };
const codeText = (code) => (CODES[code] ? `${code} ${CODES[code]}` : code);

/** Counts as bars, the longest first. */
class Bars {
  constructor(title, words) {
    this.words = words;
    this.list = el('ul');
    this.root = el('div.bars', {}, el('h3', {}, title), this.list);
  }

  show(counts) {
    const entries = Object.entries(counts).filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
    const most = Math.max(1, ...entries.map(([, count]) => count));
    this.root.hidden = entries.length === 0;
    this.list.replaceChildren(...entries.map(([name, count]) => el('li', {},
      el('span.bar-name', {}, this.words(name)), el('meter', { min: '0', max: String(most), value: String(count), 'aria-hidden': 'true' }), el('span.bar-count', {}, short(count)))));
  }
}
