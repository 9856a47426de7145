/**
 * What was found in a log: the numbers of all lines that fit, and some of these lines. The others are fetched again when
 * somebody looks: the same search from the same line finds the same, for a log only grows.
 */

export const PAGE_MATCHES = 250;
/** Pages of lines that are kept; the ones looked at longest ago are let go. */
const PAGES_MAX = 80;
/** Characters that are kept. */
const CHARACTERS_MAX = 4000000;

export class LogMatches {
  constructor() {
    /** Numbers of lines, in order. */
    this.numbers = [];
    /** Page number to its lines by place; the order of the map is that of the last use. */
    this.pages = new Map();
    this.characters = 0;
  }

  get count() {
    return this.numbers.length;
  }

  get last() {
    return this.numbers.at(-1) ?? 0;
  }

  /** A line that fits, behind all others. */
  push(line) {
    if (line.n <= this.last) return;
    this.numbers.push(line.n);
    this.put(this.numbers.length - 1, line);
  }

  /** The line at a place, when it is here. */
  get(place) {
    const number = Math.floor(place / PAGE_MATCHES);
    const page = this.pages.get(number);
    if (!page) return undefined;
    this.pages.delete(number);
    this.pages.set(number, page);
    return page.lines[place - number * PAGE_MATCHES];
  }

  /**
   * The pages to fetch to show these places.
   *
   * @returns {{ first: number, from: number, limit: number }[]} `first` is the place of the first match, `from` its line
   */
  missing(first, last) {
    const missing = [];
    for (let number = Math.floor(first / PAGE_MATCHES); number * PAGE_MATCHES < Math.min(last, this.count); number += 1) {
      const begin = number * PAGE_MATCHES;
      const end = Math.min(begin + PAGE_MATCHES, this.count);
      const lines = this.pages.get(number)?.lines ?? [];
      for (let place = Math.max(begin, first); place < Math.min(end, last); place += 1) {
        if (lines[place - begin]) continue;
        missing.push({ first: begin, from: this.numbers[begin], limit: end - begin });
        break;
      }
    }
    return missing;
  }

  /** Lines that were fetched again. */
  fill(first, lines) {
    lines.forEach((line, at) => {
      if (this.numbers[first + at] === line.n) this.put(first + at, line);
    });
  }

  put(place, line) {
    const number = Math.floor(place / PAGE_MATCHES);
    let page = this.pages.get(number);
    if (!page) {
      page = { lines: [], characters: 0 };
      this.pages.set(number, page);
    }
    const at = place - number * PAGE_MATCHES;
    const grown = line.text.length - (page.lines[at]?.text.length ?? 0);
    page.lines[at] = line;
    page.characters += grown;
    this.characters += grown;
    for (const [other, { characters }] of this.pages) {
      if (this.pages.size <= PAGES_MAX && this.characters <= CHARACTERS_MAX) return;
      if (other === number) continue;
      this.characters -= characters;
      this.pages.delete(other);
    }
  }
}
