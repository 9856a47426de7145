/**
 * A list of any length: only the rows that can be seen are in the page. All rows are equally high, or, where there is no
 * room for long ones, at least so high.
 */

/**
 * Browsers stop to lay out elements somewhere above 17 million pixels. A list that is higher is scrolled in a space of this
 * height: small steps move it as far as they go, large ones (somebody drags the bar) in proportion.
 */
const HEIGHT_MAX = 15000000;
const OVERSCAN = 12;
/** Views that a step may cover and still be a small one: a page, or a turn of the wheel. */
const STEP_VIEWS = 2;
/** When nobody has scrolled for so long, the bar is put where it belongs. */
const REST_MS = 250;

/**
 * Where a list stands, in pixels from its top as if there were no limit. It is kept apart from where the browser has
 * scrolled to: a list that grows must not move what somebody reads.
 */
export class Standing {
  constructor() {
    this.at = 0;
    this.scrollTop = 0;
  }

  /** The browser has scrolled. */
  moved(scrollTop, { count, rowHeight, viewHeight }) {
    const { full, way, end } = spans({ count, rowHeight, viewHeight });
    const step = scrollTop - this.scrollTop;
    this.scrollTop = scrollTop;
    if (full <= HEIGHT_MAX) this.at = scrollTop;
    else if (scrollTop <= 0) this.at = 0;
    else if (scrollTop >= way - 1) this.at = end;
    else if (Math.abs(step) <= STEP_VIEWS * viewHeight) this.at += step;
    else this.at = (scrollTop / way) * end;
    this.at = Math.max(0, Math.min(this.at, end));
  }

  /** Where the browser should be scrolled to. */
  wanted(measures) {
    const { full, way, end } = spans(measures);
    return full <= HEIGHT_MAX || end === 0 ? this.at : (this.at / end) * way;
  }

  /** Which rows to draw: `last` is not included, `top` is where the first stands within the scrolled space. */
  layout({ count, rowHeight, viewHeight }) {
    // What was the end of a list that nobody saw yet is beyond the end of one that has a height.
    this.at = Math.min(this.at, spans({ count, rowHeight, viewHeight }).end);
    const first = Math.max(0, Math.min(count, Math.floor(this.at / rowHeight) - OVERSCAN));
    const last = Math.min(count, Math.ceil((this.at + viewHeight) / rowHeight) + OVERSCAN);
    return { first, last, top: this.scrollTop - (this.at - first * rowHeight) };
  }
}

export function spans({ count, rowHeight, viewHeight }) {
  const full = count * rowHeight;
  const height = Math.min(full, HEIGHT_MAX);
  return { full, height, way: Math.max(0, height - viewHeight), end: Math.max(0, full - viewHeight) };
}

export class VirtualList {
  /**
   * @param {{ view: HTMLElement, space: HTMLElement, rows: HTMLElement, rowHeight: number, row: (index: number, first: boolean) => HTMLElement, onrange: (first: number, last: number) => void,
   *   wraps?: () => boolean, follows?: () => boolean }} parts `wraps`: rows may be higher than `rowHeight`; `follows`: the end stays in sight
   */
  constructor({ view, space, rows, rowHeight, row, onrange, wraps = () => false, follows = () => false }) {
    Object.assign(this, { view, space, rows, rowHeight, row, onrange, wraps, follows });
    this.rowHeightMin = rowHeight;
    /** Heights of rows that were drawn, while rows differ; the height of others is taken to be their mean. */
    this.heights = null;
    this.count = 0;
    this.drawn = new Map();
    this.waiting = false;
    this.standing = new Standing();
    view.addEventListener('scroll', () => {
      this.standing.moved(view.scrollTop, this.measures);
      clearTimeout(this.rest);
      this.rest = setTimeout(() => this.settle(), REST_MS);
      this.soon();
    }, { passive: true });
    // Asking the browser would make it lay out the page in the middle of a scroll.
    this.measure();
    new ResizeObserver(() => this.measure()).observe(view);
  }

  soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  measure() {
    this.viewHeight = this.view.clientHeight;
    const width = this.wraps() ? this.view.clientWidth : null;
    if (width !== this.width) {
      this.width = width;
      this.heights = width === null ? null : new Map();
      this.heightsSum = 0;
      this.rowHeight = this.rowHeightMin;
      this.forget();
      this.setCount(this.count);
    }
    if (this.viewHeight > 0 && this.standing.at > spans(this.measures).end) this.stand(Infinity);
    this.soon();
  }

  /** Whether there is more than can be seen at once. */
  get scrolls() {
    return this.count * this.rowHeight > this.viewHeight;
  }

  get measures() {
    return { count: this.count, rowHeight: this.rowHeight, viewHeight: this.viewHeight };
  }

  setCount(count) {
    this.count = count;
    const { height, end } = spans(this.measures);
    this.space.style.height = `${height}px`;
    if (this.standing.at > end) this.stand(end);
    this.soon();
  }

  /** Goes there, and leaves the browser as near to it as it can come. */
  stand(at) {
    this.standing.at = Math.max(0, Math.min(at, spans(this.measures).end));
    this.view.scrollTop = this.standing.wanted(this.measures);
    this.standing.scrollTop = this.view.scrollTop;
    this.soon();
  }

  settle() {
    if (Math.abs(this.standing.wanted(this.measures) - this.view.scrollTop) <= 1) return;
    this.stand(this.standing.at);
    this.draw();
  }

  /** Draws rows again whose content changed. */
  forget(first = 0, last = Infinity) {
    for (const [index, element] of this.drawn) {
      if (index < first || index > last) continue;
      element.remove();
      this.drawn.delete(index);
    }
    for (const index of this.heights?.keys() ?? []) if (index >= first && index <= last) this.measured(index, null);
    this.soon();
  }

  measured(index, height) {
    this.heightsSum += (height ?? 0) - (this.heights.get(index) ?? 0);
    if (height === null) this.heights.delete(index);
    else this.heights.set(index, height);
  }

  scrollTo(row) {
    this.stand(row * this.rowHeight);
  }

  scrollToEnd() {
    this.stand(Infinity);
  }

  atEnd() {
    return spans(this.measures).end - this.standing.at < this.rowHeight * 1.5;
  }

  draw() {
    if (this.viewHeight === 0) return;
    const { first, last, top } = this.heights ? this.around() : this.standing.layout(this.measures);
    for (const [index, element] of this.drawn) {
      if (index >= first && index < last) continue;
      element.remove();
      this.drawn.delete(index);
    }
    // Rows that stay are not touched: what somebody has selected stays selected.
    let before = this.rows.firstChild;
    for (let index = first; index < last; index += 1) {
      let element = this.drawn.get(index);
      if (!element) {
        element = this.row(index, index === first + (first > 0 ? OVERSCAN : 0));
        this.drawn.set(index, element);
        this.rows.insertBefore(element, before);
      } else {
        before = element.nextSibling;
      }
    }
    // Not a transform: then rows that stay would be painted again, for all of them would have moved.
    this.rows.style.top = `${this.heights ? this.topOf(first, last) : top}px`;
    if (last > first) this.onrange(first, last);
    if (this.heights) this.learn();
  }

  /**
   * Where rows differ in height, the part of the list that is above some point of the view is the part of the view that is
   * above it: at the start that is the top of both, at the end the bottom.
   */
  get point() {
    const { end } = spans(this.measures);
    const part = end > 0 ? Math.min(1, this.standing.at / end) : 0;
    return { part, row: part * this.count };
  }

  around() {
    const { part, row } = this.point;
    const above = Math.ceil((part * this.viewHeight) / this.rowHeightMin) + OVERSCAN;
    const below = Math.ceil(((1 - part) * this.viewHeight) / this.rowHeightMin) + OVERSCAN;
    return { first: Math.max(0, Math.floor(row) - above), last: Math.min(this.count, Math.ceil(row) + below) };
  }

  topOf(first, last) {
    for (let index = first; index < last; index += 1) this.measured(index, this.drawn.get(index).offsetHeight);
    const { part, row } = this.point;
    const element = this.drawn.get(Math.min(Math.floor(row), last - 1));
    if (!element) return this.view.scrollTop;
    const place = element.offsetTop + (row - Math.min(Math.floor(row), last - 1)) * element.offsetHeight;
    return this.view.scrollTop + part * this.viewHeight - place;
  }

  /** Rows have turned out to be higher, or lower, than the list was made for. */
  learn() {
    const mean = this.heights.size === 0 ? this.rowHeightMin : this.heightsSum / this.heights.size;
    if (Math.abs(mean - this.rowHeight) * this.count < 1) return;
    const { part } = this.point;
    this.rowHeight = mean;
    this.space.style.height = `${spans(this.measures).height}px`;
    this.stand(this.follows() ? Infinity : part * spans(this.measures).end);
  }
}
