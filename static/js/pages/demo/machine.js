/** One machine on the page: its picture, how far it is, and what it measures. */

import { el } from '../../ui/dom.js';

/** Figures of telemetry: field, title, unit, top of the chart (none: as high as was seen). */
const FIGURES = [
  ['cpu_percent', 'Processor', '%', 100],
  ['accelerator_percent', 'Accelerator', '%', 100],
  ['memory_percent', 'Memory', '%', 100],
  ['power_w', 'Power', ' W', null],
];
/** Seconds that a chart shows. */
const CHART_LENGTH = 90;
const SVG = 'http://www.w3.org/2000/svg';

export class Machine {
  /**
   * @param {string} title
   * @param {string} address origin of the machine, empty for this server
   * @param {(machine: Machine) => void} changed its state is another
   */
  constructor(title, address, changed) {
    this.address = address;
    this.changed = changed;
    this.state = null;
    this.job = null;
    this.cue = el('span', { class: 'cue', 'data-tone': 'wait' }, 'Connecting');
    this.image = el('img', { alt: '', hidden: true, decoding: 'async' });
    this.hint = el('p', {}, 'The picture appears here, step by step.');
    this.bar = el('progress', { max: '100', value: '0', 'aria-label': 'Progress' });
    this.said = el('p', { class: 'said', role: 'status' });
    this.figures = el('div', { class: 'figures' });
    this.charts = FIGURES.map(([field, name, unit, top]) => new Chart(field, name, unit, top));
    this.element = el('section', { class: 'sheet machine', 'aria-label': title },
      el('div', { class: 'machine-head' }, el('h2', {}, title), this.cue),
      el('div', { class: 'picture' }, this.image, this.hint),
      this.bar, this.said, this.figures,
      el('div', { class: 'charts' }, ...this.charts.map((chart) => chart.element)));
  }

  connect(io) {
    const options = { transports: ['websocket', 'polling'], reconnectionDelayMax: 30000 };
    const socket = this.address === '' ? io(options) : io(this.address, options);
    socket.on('status', (status) => this.status(status));
    socket.on('telemetry', (sample) => this.charts.forEach((chart) => chart.add(sample)));
    socket.on('job_started', (job) => {
      this.begin(job.job_id);
      this.said.textContent = job.prompt;
      this.image.alt = job.prompt;
    });
    socket.on('progress', (progress) => this.progress(progress));
    socket.on('completed', (done) => {
      this.bar.value = 100;
      this.bar.dataset.tone = 'go';
      this.show(done.image_url);
      this.figure({ Took: seconds(done.elapsed_ms), Seed: done.seed });
    });
    socket.on('error', (error) => { this.said.textContent = error.message; });
    socket.on('connect_error', () => this.cueOf('stop', 'Not reachable'));
    socket.on('disconnect', () => this.cueOf('stop', 'Connection lost'));
  }

  begin(job) {
    this.job = job;
    this.bar.value = 0;
    delete this.bar.dataset.tone;
    this.figures.replaceChildren();
  }

  status(status) {
    this.state = status.state;
    if (status.job_id !== null && status.job_id !== this.job) this.begin(status.job_id);
    const tone = { idle: status.ready ? 'go' : 'stop', paused: 'wait', queued: 'wait' }[status.state] ?? 'standby';
    const waiting = status.queue > 0 ? `, ${status.queue} waiting` : '';
    const words = status.state === 'idle' ? (status.ready ? 'Ready' : 'Not ready') : status.state;
    this.cueOf(tone, words.charAt(0).toUpperCase() + words.slice(1) + waiting);
    this.changed(this);
  }

  cueOf(tone, text) {
    this.cue.dataset.tone = tone;
    this.cue.textContent = text;
  }

  progress(progress) {
    if (this.job !== null && progress.job_id !== this.job) return;
    this.bar.value = progress.percent;
    this.show(progress.preview_url);
    const steps = progress.total_steps === null ? progress.step : `${progress.step} of ${progress.total_steps}`;
    this.figure({
      Step: steps,
      Elapsed: seconds(progress.elapsed_ms),
      ...(progress.eta_ms === null ? {} : { Left: `about ${seconds(progress.eta_ms)}` }),
    });
  }

  /** The next picture takes the place of the one before once it is here: no flicker. */
  show(url) {
    if (!url) return;
    const address = new URL(url, this.address === '' ? location.href : this.address).href;
    if (address === this.wanted) return;
    this.wanted = address;
    const next = new Image();
    next.onload = () => {
      if (this.wanted !== address) return;
      this.image.src = address;
      this.image.hidden = false;
      this.hint.hidden = true;
    };
    next.src = address;
  }

  figure(figures) {
    this.figures.replaceChildren(...Object.entries(figures)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => el('span', {}, `${name} `, el('b', {}, String(value)))));
  }
}

/** A line of what was measured. What the machine cannot tell is said as such. */
class Chart {
  constructor(field, name, unit, top) {
    Object.assign(this, { field, unit, top, values: [] });
    this.output = el('output', {}, '…');
    this.line = document.createElementNS(SVG, 'polyline');
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', `0 0 ${CHART_LENGTH - 1} 40`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(this.line);
    this.element = el('div', { class: 'chart' }, el('header', {}, el('span', {}, name), this.output), svg);
  }

  add(sample) {
    const value = sample[this.field];
    this.values.push(typeof value === 'number' ? value : null);
    this.values.splice(0, this.values.length - CHART_LENGTH);
    this.element.classList.toggle('unknown', typeof value !== 'number');
    this.output.textContent = typeof value === 'number' ? `${Math.round(value)}${this.unit}` : 'not measured';
    const top = this.top ?? Math.max(1, ...this.values.filter((known) => known !== null));
    const first = CHART_LENGTH - this.values.length;
    const points = this.values.map((known, at) => (known === null ? null : `${first + at},${(39 - 38 * Math.min(known / top, 1)).toFixed(1)}`));
    this.line.setAttribute('points', points.filter((point) => point !== null).join(' '));
  }
}

function seconds(ms) {
  return ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}
