/** What differs between two texts, line by line, and between two sets of files. Pure. */

/** Longer texts are not compared line by line. */
export const LINES_MAX = 20000;
/** Lines that may differ until two texts count as two texts: the search for the least difference grows with its square. */
const EDITS_MAX = 1500;
/** Lines of context around what differs. */
export const CONTEXT = 3;
/** A gap of so few same lines is shown rather than named. */
const GAP_MIN = 2;

/**
 * Files of a run beside those of an earlier one.
 *
 * @returns {{ path: string, kind: 'same' | 'changed' | 'new' | 'gone', before: object | null, after: object | null }[]} by path
 */
export function compareFiles(before, after) {
  const earlier = new Map(before.map((file) => [file.path, file]));
  const compared = after.map((file) => {
    const known = earlier.get(file.path) ?? null;
    earlier.delete(file.path);
    return { path: file.path, kind: known === null ? 'new' : known.sha256 === file.sha256 ? 'same' : 'changed', before: known, after: file };
  });
  for (const file of earlier.values()) compared.push({ path: file.path, kind: 'gone', before: file, after: null });
  return compared.sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** Lines of a text. The last line break ends the last line; a text without it says so by `open`. */
export function linesOf(text) {
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  const open = lines.at(-1) !== '';
  if (!open) lines.pop();
  return { lines, open };
}

/**
 * The difference as blocks: `same` with as many lines on both sides, `changed` with lines that gave way to others; one of them may be empty.
 *
 * @param {string[]} before
 * @param {string[]} after
 * @returns {{ kind: 'same' | 'changed', from: number, to: number, fromAfter: number, toAfter: number }[]} places from 0, ends not included
 */
export function diffLines(before, after) {
  const blocks = [];
  const add = (kind, from, to, fromAfter, toAfter) => {
    if (from === to && fromAfter === toAfter) return;
    const last = blocks.at(-1);
    if (last?.kind === kind) Object.assign(last, { to, toAfter });
    else blocks.push({ kind, from, to, fromAfter, toAfter });
  };
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < before.length - head && tail < after.length - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  add('same', 0, head, 0, head);
  const [endBefore, endAfter] = [before.length - tail, after.length - tail];
  let [x, y] = [head, head];
  for (const [fromX, fromY, length] of snakes(before.slice(head, endBefore), after.slice(head, endAfter))) {
    add('changed', x, head + fromX, y, head + fromY);
    [x, y] = [head + fromX + length, head + fromY + length];
    add('same', head + fromX, x, head + fromY, y);
  }
  add('changed', x, endBefore, y, endAfter);
  add('same', endBefore, before.length, endAfter, after.length);
  return blocks;
}

/** Stretches that are the same on both sides, by the greedy search of Myers; none when the texts differ too much. */
function snakes(before, after) {
  const [n, m] = [before.length, after.length];
  if (n === 0 || m === 0) return [];
  const ids = new Map();
  const number = (line) => ids.get(line) ?? ids.set(line, ids.size).size - 1;
  const a = Int32Array.from(before, number);
  const b = Int32Array.from(after, number);
  const most = Math.min(n + m, EDITS_MAX);
  const reach = new Int32Array(2 * most + 3);
  const middle = most + 1;
  const trace = [];
  for (let edits = 0; edits <= most; edits += 1) {
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const down = diagonal === -edits || (diagonal !== edits && reach[middle + diagonal - 1] < reach[middle + diagonal + 1]);
      let x = down ? reach[middle + diagonal + 1] : reach[middle + diagonal - 1] + 1;
      while (x < n && x - diagonal < m && a[x] === b[x - diagonal]) x += 1;
      reach[middle + diagonal] = x;
      if (x >= n && x - diagonal >= m) return back(trace, edits, n, m);
    }
    trace.push(reach.slice(middle - edits, middle + edits + 1));
  }
  return [];
}

/** Walks back from the end: each step has one edit and the same lines after it. */
function back(trace, edits, n, m) {
  const found = [];
  let [x, y] = [n, m];
  for (let left = edits; left >= 0; left -= 1) {
    let [fromX, fromY] = [0, 0];
    let [edgeX, edgeY] = [0, 0];
    if (left > 0) {
      const reach = trace[left - 1];
      const at = (diagonal) => reach[diagonal + left - 1] ?? -1;
      const diagonal = x - y;
      const down = diagonal === -left || (diagonal !== left && at(diagonal - 1) < at(diagonal + 1));
      const before = down ? diagonal + 1 : diagonal - 1;
      [fromX, fromY] = [at(before), at(before) - before];
      [edgeX, edgeY] = down ? [fromX, fromY + 1] : [fromX + 1, fromY];
    }
    if (x > edgeX) found.push([edgeX, edgeY, x - edgeX]);
    [x, y] = [fromX, fromY];
  }
  return found.reverse();
}

/**
 * Rows to draw: pairs of lines, and gaps of lines that are the same.
 *
 * @returns {({ kind: 'same' | 'changed', before: number | null, after: number | null } | { kind: 'gap', before: number, after: number, lines: number })[]}
 *   places from 0
 */
export function rowsOf(blocks) {
  const rows = [];
  blocks.forEach(({ kind, from, to, fromAfter, toAfter }, at) => {
    const length = Math.max(to - from, toAfter - fromAfter);
    const pair = (step) => rows.push({ kind, before: from + step < to ? from + step : null, after: fromAfter + step < toAfter ? fromAfter + step : null });
    const head = kind === 'same' && at > 0 ? CONTEXT : 0;
    const tail = kind === 'same' && at < blocks.length - 1 ? CONTEXT : 0;
    if (kind === 'changed' || length - head - tail < GAP_MIN) {
      for (let step = 0; step < length; step += 1) pair(step);
      return;
    }
    for (let step = 0; step < head; step += 1) pair(step);
    rows.push({ kind: 'gap', before: from + head, after: fromAfter + head, lines: length - head - tail });
    for (let step = length - tail; step < length; step += 1) pair(step);
  });
  return rows;
}

/** Where two lines part and meet again: characters before and behind what differs. */
export function partOf(before, after) {
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  // Half a character is none.
  if (head > 0 && isHigh(before.charCodeAt(head - 1))) head -= 1;
  if (tail > 0 && isLow(before.charCodeAt(before.length - tail))) tail -= 1;
  return { head, tail };
}

const isHigh = (unit) => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit) => unit >= 0xdc00 && unit < 0xe000;
