/** Which line stands in which row when some lines are hidden. Pure. */

/** Rows of a list whose lines are partly hidden. Places count from 0, lines from 1. */
export class Rows {
  /** @param {{ from: number, to: number }[]} hidden ranges in order that do not touch */
  constructor(total, hidden) {
    this.total = total;
    this.hidden = hidden;
    /** Lines that are hidden up to and with each range. */
    this.sums = [];
    let sum = 0;
    for (const { from, to } of hidden) this.sums.push(sum += to - from + 1);
    this.count = total - sum;
  }

  /** The line of a row. */
  lineAt(row) {
    // The first range that begins behind the line: all before it are to be skipped.
    const at = firstAbove(this.hidden.length, (place) => this.hidden[place].from - (this.sums[place - 1] ?? 0) > row + 1);
    return row + 1 + (this.sums[at - 1] ?? 0);
  }

  /** The row of a line, or of the last one in sight before it. */
  rowOf(line) {
    const at = firstAbove(this.hidden.length, (place) => this.hidden[place].to >= line);
    const inside = this.hidden[at] && this.hidden[at].from <= line;
    return Math.max(0, (inside ? this.hidden[at].from - 1 : line) - (this.sums[at - 1] ?? 0) - 1);
  }

  /** Ranges of lines that the rows from `first` to before `last` show. */
  linesOf(first, last) {
    const ranges = [];
    for (let row = Math.max(0, first); row < Math.min(last, this.count); row += 1) {
      const line = this.lineAt(row);
      const range = ranges.at(-1);
      if (range && range.to + 1 === line) range.to = line;
      else ranges.push({ from: line, to: line });
    }
    return ranges;
  }
}

/** The first place from 0 to `count` that fits, when all after a place that fits do too. */
export function firstAbove(count, fits) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
