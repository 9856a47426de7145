/**
 * Lines of a log by their number, some of them here and the others to be fetched: a log of a million lines costs what is
 * looked at.
 */

export const CHUNK_LINES = 250;
/** Chunks that are kept; the ones looked at longest ago are let go. */
export const CHUNKS_MAX = 160;
/** Characters that are kept, for lines may be long. */
export const CHARACTERS_MAX = 8000000;
/** Ranges that are remembered as skipped. */
const SKIPPED_MAX = 4000;

export class LogStore {
  constructor() {
    this.total = 0;
    this.characters = 0;
    /** Chunk number to `{ lines, characters }`; the order of the map is that of the last use. */
    this.chunks = new Map();
    /** What was said to be skipped, in order. */
    this.skipped = [];
  }

  /** @param {{ n: number, text: string }} line */
  add(line) {
    this.total = Math.max(this.total, line.n);
    const number = chunkOf(line.n);
    let chunk = this.chunks.get(number);
    if (!chunk) {
      chunk = { lines: new Map(), characters: 0 };
      this.chunks.set(number, chunk);
    }
    const before = chunk.lines.get(line.n)?.text.length ?? 0;
    chunk.lines.set(line.n, line);
    chunk.characters += line.text.length - before;
    this.characters += line.text.length - before;
    this.evict(number);
  }

  /** Lines that the server did not send, so that a flood stays small. */
  skip({ from, to }) {
    this.total = Math.max(this.total, to);
    const last = this.skipped.at(-1);
    if (last && from <= last.to + 1) last.to = Math.max(last.to, to);
    else this.skipped.push({ from, to });
    // Two old ranges that are shown as one say too much; that they are fetched when looked at stays true.
    if (this.skipped.length > SKIPPED_MAX) this.skipped.splice(0, 2, { from: this.skipped[0].from, to: this.skipped[1].to });
  }

  /** The log as it was when it had so many lines; what is here stays, for it may be looked at again. */
  rewind(total) {
    this.total = total;
    this.skipped = this.skipped.filter(({ from }) => from <= total).map(({ from, to }) => ({ from, to: Math.min(to, total) }));
  }

  /** The skipped range that a line is in. */
  skippedAt(n) {
    let low = 0;
    let high = this.skipped.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.skipped[middle].to < n) low = middle + 1;
      else high = middle;
    }
    const range = this.skipped[low];
    return range && range.from <= n ? range : null;
  }

  /** The line, when it is here. */
  get(n) {
    const number = chunkOf(n);
    const chunk = this.chunks.get(number);
    if (!chunk) return undefined;
    this.chunks.delete(number);
    this.chunks.set(number, chunk);
    return chunk.lines.get(n);
  }

  /**
   * What must be fetched to show the lines from `first` to `last`: whole chunks, as far as the log reaches.
   *
   * @returns {{ from: number, to: number }[]}
   */
  missing(first, last) {
    const ranges = [];
    const end = Math.min(last, this.total);
    for (let number = chunkOf(Math.max(1, first)); number <= chunkOf(Math.max(1, end)); number += 1) {
      const from = number * CHUNK_LINES + 1;
      const to = Math.min(from + CHUNK_LINES - 1, this.total);
      const lines = this.chunks.get(number)?.lines;
      for (let n = Math.max(from, first); n <= Math.min(to, end); n += 1) {
        if (!lines?.has(n)) {
          ranges.push({ from, to });
          break;
        }
      }
    }
    return ranges;
  }

  /** Every line that is here with a number above `n`, in order. */
  after(n) {
    const lines = [];
    for (const [number, chunk] of this.chunks) {
      if ((number + 1) * CHUNK_LINES <= n) continue;
      for (const line of chunk.lines.values()) if (line.n > n) lines.push(line);
    }
    return lines.sort((one, other) => one.n - other.n);
  }

  /** Lets chunks go, the one that grows excepted. */
  evict(growing) {
    for (const [number, chunk] of this.chunks) {
      if (this.chunks.size <= CHUNKS_MAX && this.characters <= CHARACTERS_MAX) return;
      if (number === growing) continue;
      this.characters -= chunk.characters;
      this.chunks.delete(number);
    }
  }
}

const chunkOf = (n) => Math.floor((n - 1) / CHUNK_LINES);
