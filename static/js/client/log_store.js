/**
 * Lines of a run's log by their number, some of them here and the others to be fetched: a log of a million lines costs
 * what is looked at.
 */

export const CHUNK_LINES = 500;
/** Chunks that are kept; the ones looked at longest ago are let go. */
export const CHUNKS_MAX = 120;

export class LogStore {
  constructor() {
    this.total = 0;
    /** Chunk number to lines; the order of the map is that of the last use. */
    this.chunks = new Map();
  }

  /** @param {{ n: number }} line */
  add(line) {
    this.total = Math.max(this.total, line.n);
    const number = chunkOf(line.n);
    let chunk = this.chunks.get(number);
    if (!chunk) {
      chunk = new Map();
      this.chunks.set(number, chunk);
      this.evict();
    }
    chunk.set(line.n, line);
  }

  /** The line, when it is here. */
  get(n) {
    const number = chunkOf(n);
    const chunk = this.chunks.get(number);
    if (!chunk) return undefined;
    this.chunks.delete(number);
    this.chunks.set(number, chunk);
    return chunk.get(n);
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
      const chunk = this.chunks.get(number);
      for (let n = Math.max(from, first); n <= Math.min(to, end); n += 1) {
        if (!chunk?.has(n)) {
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
      for (const line of chunk.values()) if (line.n > n) lines.push(line);
    }
    return lines.sort((one, other) => one.n - other.n);
  }

  evict() {
    for (const number of this.chunks.keys()) {
      if (this.chunks.size <= CHUNKS_MAX) return;
      this.chunks.delete(number);
    }
  }
}

const chunkOf = (n) => Math.floor((n - 1) / CHUNK_LINES);
