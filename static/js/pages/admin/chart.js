/** A line chart as SVG: lines with gaps, a crosshair with values, and the same as a table. */

import { inWords, nearest, niceMax, path, pointsOf, SPAN_MS } from '../../client/chart.js';
import { el, setText } from '../../ui/dom.js';
import { clock } from '../../ui/format.js';

const NS = 'http://www.w3.org/2000/svg';
const HEIGHT = 110;
const TABLE_EVERY = 15;

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NS, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

let next = 0;

export class Chart {
  /**
   * @param {{ title: string, hint?: string, series: { key: string, label: string, tone: string }[], format: (value: number) => string, max?: number, least?: number }} options
   */
  constructor({ title, hint = '', series, format, max, least = 1 }) {
    Object.assign(this, { series, format, fixedMax: max, least, samples: [], width: 300 });
    const id = `chart-${(next += 1)}`;
    this.desc = svg('desc', { id: `${id}-desc` });
    this.grid = svg('g', { class: 'grid' });
    this.lines = series.map(({ tone }) => svg('path', { class: `line-${tone}`, fill: 'none', 'vector-effect': 'non-scaling-stroke' }));
    this.cross = svg('line', { class: 'cross', y1: 0, y2: HEIGHT, visibility: 'hidden' });
    this.svg = svg('svg', { role: 'img', 'aria-labelledby': `${id}-title ${id}-desc`, class: 'plot', height: HEIGHT, preserveAspectRatio: 'none' },
      this.desc, this.grid, ...this.lines, this.cross);
    this.top = el('span.axis.top');
    this.when = el('span.when');
    this.values = series.map(() => el('output'));
    this.table = el('tbody');
    this.details = el('details', {}, el('summary', {}, 'As a table'), el('div.scroll-x', { tabindex: '0', role: 'group', 'aria-label': `${title}, as a table` },
      el('table', {}, el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Time'), ...series.map(({ label }) => el('th', { scope: 'col' }, label)))), this.table)));
    this.details.addEventListener('toggle', () => this.drawTable());
    this.root = el('figure.chart.sheet', {},
      el('figcaption', {}, el('h3', { id: `${id}-title` }, title), el('span.hint', {}, hint), this.when),
      el('div.legend', {}, ...series.map(({ label, tone }, at) => el(`span.key.key-${tone}`, {}, label, ' ', this.values[at]))),
      el('div.plot-frame', {}, this.svg, this.top, el('span.axis.bottom', {}, '0')),
      el('div.times', { 'aria-hidden': 'true' }, el('span', {}, '5 min ago'), el('span', {}, 'now')),
      this.details);
    this.pointer = null;
    this.svg.addEventListener('pointermove', (event) => this.point(event));
    this.svg.addEventListener('pointerdown', (event) => this.point(event));
    this.svg.addEventListener('pointerleave', () => this.leave());
    new ResizeObserver(([{ contentRect }]) => {
      this.width = Math.max(1, contentRect.width);
      this.draw();
    }).observe(this.svg);
  }

  show(samples) {
    this.samples = samples;
    this.draw();
    if (this.details.open) this.drawTable();
  }

  draw() {
    const { samples, width } = this;
    const to = samples.length > 0 ? Date.parse(samples.at(-1).at) : Date.now();
    const all = this.series.map(({ key }) => pointsOf(samples, key));
    const max = this.fixedMax ?? niceMax(all.flat().map(([, value]) => value ?? 0), this.least);
    this.frame = { width, height: HEIGHT - 4, from: to - SPAN_MS, to, max };
    this.svg.setAttribute('viewBox', `0 -2 ${width} ${HEIGHT}`);
    const shelf = (share) => Math.round((HEIGHT - 4) * share) + 0.5;
    this.grid.replaceChildren(...[0, 0.5, 1].map((share) => svg('line', { x1: 0, x2: width, y1: shelf(share), y2: shelf(share) })));
    this.lines.forEach((line, at) => line.setAttribute('d', path(all[at], this.frame)));
    setText(this.top, this.format(max));
    setText(this.desc, `The last five minutes. ${this.series.map((one) => inWords(samples, one, this.format)).join('; ')}.`);
    this.tell();
  }

  point(event) {
    this.pointer = (event.clientX - this.svg.getBoundingClientRect().left) / this.width;
    this.tell();
  }

  leave() {
    this.pointer = null;
    this.tell();
  }

  /** The values under the pointer, or the newest. */
  tell() {
    const { from, to } = this.frame;
    const at = this.pointer === null ? to : from + this.pointer * SPAN_MS;
    const sample = nearest(this.samples, at);
    this.values.forEach((output, place) => {
      const value = sample?.[this.series[place].key];
      setText(output, value === null || value === undefined ? '–' : this.format(value));
    });
    const hidden = this.pointer === null || !sample;
    this.cross.setAttribute('visibility', hidden ? 'hidden' : 'visible');
    setText(this.when, hidden ? '' : clock(sample.at));
    if (hidden) return;
    const x = ((Date.parse(sample.at) - from) / SPAN_MS) * this.width;
    this.cross.setAttribute('x1', x);
    this.cross.setAttribute('x2', x);
  }

  drawTable() {
    if (!this.details.open) return;
    const rows = this.samples.filter((_, at) => (this.samples.length - 1 - at) % TABLE_EVERY === 0).reverse();
    this.table.replaceChildren(...rows.map((sample) => el('tr', {}, el('td', {}, clock(sample.at)),
      ...this.series.map(({ key }) => el('td', {}, sample[key] === null || sample[key] === undefined ? '–' : this.format(sample[key]))))));
  }
}
