/** A list of any length: only the rows that can be seen are in the page. All rows are equally high. */

/** Browsers stop to lay out elements somewhere above 17 million pixels; beyond this, scrolling covers more per pixel. */
const HEIGHT_MAX = 15000000;
const OVERSCAN = 12;

/**
 * Which rows to draw and where.
 *
 * @returns {{ first: number, last: number, top: number, height: number }} `last` is not included; `top` is where the
 *   first row stands within the scrolled space
 */
export function layout({ count, rowHeight, viewHeight, scrollTop }) {
  const full = count * rowHeight;
  const height = Math.min(full, HEIGHT_MAX);
  const way = Math.max(1, height - viewHeight);
  const at = full <= HEIGHT_MAX ? scrollTop : (Math.min(scrollTop, way) / way) * (full - viewHeight);
  const first = Math.max(0, Math.min(count, Math.floor(at / rowHeight) - OVERSCAN));
  const last = Math.min(count, Math.ceil((at + viewHeight) / rowHeight) + OVERSCAN);
  return { first, last, top: scrollTop - (at - first * rowHeight), height };
}

/** Where to scroll so that a row stands at the top of the view. */
export function scrollTopOf({ row, count, rowHeight, viewHeight }) {
  const full = count * rowHeight;
  const height = Math.min(full, HEIGHT_MAX);
  const at = Math.max(0, Math.min(row * rowHeight, full - viewHeight));
  if (full <= HEIGHT_MAX) return at;
  return (at / (full - viewHeight)) * (height - viewHeight);
}

export class VirtualList {
  /** @param {{ view: HTMLElement, space: HTMLElement, rows: HTMLElement, rowHeight: number, row: (index: number, first: boolean) => HTMLElement, onrange: (first: number, last: number) => void }} parts */
  constructor({ view, space, rows, rowHeight, row, onrange }) {
    Object.assign(this, { view, space, rows, rowHeight, row, onrange });
    this.count = 0;
    this.drawn = new Map();
    this.waiting = false;
    view.addEventListener('scroll', () => this.soon(), { passive: true });
    new ResizeObserver(() => this.soon()).observe(view);
  }

  soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  get measures() {
    return { count: this.count, rowHeight: this.rowHeight, viewHeight: this.view.clientHeight };
  }

  setCount(count) {
    this.count = count;
    this.space.style.height = `${Math.min(count * this.rowHeight, HEIGHT_MAX)}px`;
    this.soon();
  }

  /** Draws rows again whose content changed. */
  forget(first = 0, last = Infinity) {
    for (const [index, element] of this.drawn) {
      if (index < first || index > last) continue;
      element.remove();
      this.drawn.delete(index);
    }
    this.soon();
  }

  scrollTo(row) {
    this.view.scrollTop = scrollTopOf({ row, ...this.measures });
    this.soon();
  }

  scrollToEnd() {
    this.view.scrollTop = this.view.scrollHeight;
    this.soon();
  }

  atEnd() {
    return this.view.scrollHeight - this.view.scrollTop - this.view.clientHeight < this.rowHeight * 1.5;
  }

  draw() {
    if (this.view.clientHeight === 0) return;
    const { first, last, top } = layout({ ...this.measures, scrollTop: this.view.scrollTop });
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
    this.rows.style.transform = `translateY(${top}px)`;
    if (last > first) this.onrange(first, last);
  }
}
