/**
 * Groups of log lines that fold. Pure: lines in, which rows are drawn out.
 *
 * A line that is exactly `::group::Title` begins a group of its agent, `::endgroup::` ends the newest that is open; groups may stand within groups,
 * and agents do not disturb each other's. Text that only looks like it is kept by the server with an empty colour in front, so it is never
 * taken for one.
 *
 * Of a long log only parts are here. Where the end of a group lies beyond them it is not known, and is not guessed: `unknown` says where
 * somebody has to look on.
 */

const BEGIN = '::group::';
const END = '::endgroup::';
/** What is searched for to find the lines of both kinds. */
export const MARK = 'group::';
/** Changes of the agent who speaks that are remembered; a log where two speak in turn for ever hides some of their lines together. */
const VOICES_MAX = 20000;
/** Groups that are remembered as folded or not. */
const KEPT_MAX = 500;

export const isMark = (text) => text === END || text.startsWith(BEGIN);

export class LogGroups {
  constructor() {
    this.total = 0;
    /** Agent to its marks in the order of their lines: `{ n, title, depth }`, the title null for an end, the depth that of the lines after it. */
    this.marks = new Map();
    /** Lines that were looked through for marks, as ranges in order. */
    this.seen = [];
    /** Whose the lines are that were here, as ranges in order. */
    this.voices = [];
    /** Whether groups are folded unless somebody opened them, or the other way round. */
    this.all = false;
    this.toggled = new Set();
    /** First line to `{ n, agent, title, to, lines, depth }`; `to` is null while a group is open, undefined while nobody knows. */
    this.groups = new Map();
    this.stale = true;
    /** Changes with what is hidden. */
    this.version = 0;
    this.hidden = [];
  }

  /** A line that is here. */
  add(line) {
    const agent = line.agent ?? '';
    if (line.n > this.total) this.total = line.n;
    if (isMark(line.text)) this.mark(agent, line);
    this.cover(line.n, line.n);
    this.hear(line.n, agent);
  }

  /** Marks that a search found in a range that it looked through whole. */
  found(lines, from, to) {
    for (const line of lines) if (isMark(line.text)) this.mark(line.agent ?? '', line);
    if (to >= from) this.cover(from, to);
  }

  mark(agent, { n, text }) {
    if (!this.marks.has(agent)) this.marks.set(agent, []);
    const marks = this.marks.get(agent);
    const at = firstAbove(marks.length, (place) => marks[place].n >= n);
    if (marks[at]?.n === n) return;
    marks.splice(at, 0, { n, title: text === END ? null : text.slice(BEGIN.length) });
    this.stale = true;
  }

  cover(from, to) {
    const { seen } = this;
    const last = seen.at(-1);
    if (last && from >= last.from && to <= last.to) return;
    this.total = Math.max(this.total, to);
    if (last && from >= last.from && from <= last.to + 1) {
      last.to = to;
      return;
    }
    this.stale = true;
    const first = firstAbove(seen.length, (at) => seen[at].to + 1 >= from);
    let behind = first;
    while (behind < seen.length && seen[behind].from <= to + 1) {
      from = Math.min(from, seen[behind].from);
      to = Math.max(to, seen[behind].to);
      behind += 1;
    }
    seen.splice(first, behind - first, { from, to });
  }

  hear(n, agent) {
    const { voices } = this;
    const at = firstAbove(voices.length, (place) => voices[place].to + 1 >= n);
    const near = voices[at];
    if (near && near.from <= n && n <= near.to) return;
    this.version += 1;
    if (near?.to === n - 1 && near.agent === agent) {
      near.to = n;
      const next = voices[at + 1];
      if (next?.from === n + 1 && next.agent === agent) {
        near.to = next.to;
        voices.splice(at + 1, 1);
      }
      return;
    }
    const place = near?.to === n - 1 ? at + 1 : at;
    const next = voices[place];
    if (next?.from === n + 1 && next.agent === agent) next.from = n;
    else if (voices.length < VOICES_MAX) voices.splice(place, 0, { from: n, to: n, agent });
  }

  /** How many lines there are; more of them may be known to exist than were looked through. */
  reach(total) {
    if (total <= this.total) return;
    this.total = total;
    this.stale = true;
  }

  /** The log as it was when it had so many lines. */
  rewind(total) {
    this.total = total;
    this.stale = true;
  }

  /** Reads the marks into groups. */
  read() {
    if (!this.stale) return;
    this.stale = false;
    this.version += 1;
    const before = this.groups;
    this.groups = new Map();
    for (const [agent, marks] of this.marks) {
      let open = [];
      let range = 0;
      let reach = 0;
      for (const mark of marks) {
        const { n, title } = mark;
        if (n > reach) {
          // A hole lies before this mark: where ends what began before it nobody knows.
          open = [];
          while (this.seen[range]?.to < n) range += 1;
          reach = this.seen[range]?.to ?? n;
        }
        if (title === null) {
          const group = open.pop();
          if (group) Object.assign(group, { to: n, lines: n - group.n - 1 });
        } else {
          const group = { n, agent, title, to: undefined, lines: null, depth: open.length, wasOpen: false };
          this.groups.set(n, group);
          open.push(group);
        }
        mark.depth = open.length;
      }
      if (reach >= this.total) for (const group of open) group.to = null;
    }
    // A group that grew stays folded over lines that were skipped, until somebody has looked where it ends.
    for (const group of this.groups.values()) {
      const known = before.get(group.n);
      if (group.to === undefined && known) group.wasOpen = known.to === null || known.wasOpen;
    }
  }

  /** What a line is to whoever draws it: `{ kind: 'text' | 'begin' | 'end', … }`. */
  roleOf(line) {
    this.read();
    const group = this.groups.get(line.n);
    if (!group) return { kind: line.text === END ? 'end' : 'text', depth: this.depthOf(line) };
    const { title, depth, lines } = group;
    return { kind: 'begin', title, depth, folded: this.isFolded(line.n), lines };
  }

  /** In how many groups a line stands, as far as is known. */
  depthOf({ n, agent }) {
    const marks = this.marks.get(agent ?? '') ?? [];
    const at = firstAbove(marks.length, (place) => marks[place].n >= n) - 1;
    if (at < 0) return 0;
    const known = this.seen[firstAbove(this.seen.length, (place) => this.seen[place].to >= n)];
    // What stands between is not known: then no depth is better than a wrong one.
    if (!known || known.from > marks[at].n || known.from > n) return 0;
    return marks[at].depth;
  }

  isFolded(n) {
    return this.all !== this.toggled.has(n);
  }

  toggle(n) {
    this.read();
    if (!this.groups.has(n)) return;
    if (!this.toggled.delete(n)) this.toggled.add(n);
    this.version += 1;
  }

  foldAll(folded) {
    this.all = folded;
    this.toggled.clear();
    this.version += 1;
  }

  /** Unfolds every group that hides a line. */
  open(n) {
    this.read();
    const agent = this.voices.find((voice) => voice.from <= n && n <= voice.to)?.agent;
    for (const group of this.groups.values()) {
      const holds = n > group.n && n <= this.endOf(group) && (agent === undefined || agent === group.agent);
      if (holds && this.isFolded(group.n)) this.toggle(group.n);
    }
  }

  /** The last line that a group hides when it is folded. */
  endOf({ n, to, wasOpen }) {
    if (to === null || (to === undefined && wasOpen)) return this.total;
    return to ?? n;
  }

  /** The first of the folded groups with an unknown end, and where to look on for it; null when there is none. */
  get unknown() {
    this.read();
    for (const { n, to } of this.groups.values()) {
      if (to !== undefined || !this.isFolded(n)) continue;
      const range = this.seen.find((one) => one.from <= n && n <= one.to);
      return { n, from: (range?.to ?? n) + 1 };
    }
    return null;
  }

  /** The first line that nobody has looked at; null when all were. */
  get firstHole() {
    const first = this.seen[0];
    if (!first || first.from > 1) return this.total > 0 ? 1 : null;
    return first.to < this.total ? first.to + 1 : null;
  }

  /** Lines that are not drawn, as ranges in order that do not touch. */
  get ranges() {
    this.read();
    const key = `${this.version} ${this.total}`;
    if (this.key === key) return this.hidden;
    this.key = key;
    const ranges = [];
    for (const group of this.groups.values()) {
      if (!this.isFolded(group.n)) continue;
      let from = group.n + 1;
      const end = this.endOf(group);
      // What others said meanwhile stays in sight.
      for (let at = firstAbove(this.voices.length, (place) => this.voices[place].to >= from); at < this.voices.length; at += 1) {
        const voice = this.voices[at];
        if (voice.from > end) break;
        if (voice.agent === group.agent) continue;
        if (voice.from > from) ranges.push({ from, to: voice.from - 1 });
        from = voice.to + 1;
      }
      if (end >= from) ranges.push({ from, to: end });
    }
    this.hidden = merged(ranges);
    return this.hidden;
  }

  /** What is worth keeping when the page is loaded again. */
  get kept() {
    return { all: this.all, toggled: [...this.toggled].slice(-KEPT_MAX) };
  }

  keep({ all, toggled }) {
    this.all = all === true;
    this.toggled = new Set((Array.isArray(toggled) ? toggled : []).filter(Number.isSafeInteger).slice(-KEPT_MAX));
    this.version += 1;
  }
}

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

function merged(ranges) {
  ranges.sort((one, other) => one.from - other.from);
  const whole = [];
  for (const range of ranges) {
    const last = whole.at(-1);
    if (last && range.from <= last.to + 1) last.to = Math.max(last.to, range.to);
    else whole.push(range);
  }
  return whole;
}

/** The first place from 0 to `count` that fits, when all after a place that fits do too. */
function firstAbove(count, fits) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
