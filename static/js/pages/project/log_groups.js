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

import { firstAbove } from './log_rows.js';

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
    /** Agent to where the reading of its marks stands: the groups that are open, and the range they are in. */
    this.reading = new Map();
    /** Groups whose end nobody knows. */
    this.lost = new Set();
    /** Whether marks came that do not follow those before: then all are read anew. */
    this.stale = false;
    /** Ranges of groups that have ended, as far as they were looked at: what comes later changes nothing of them. */
    this.fixed = { places: 0, ranges: [] };
    this.order = [];
    /** Changes with what is hidden. */
    this.version = 0;
    this.hidden = [];
  }

  /** A line that is here. */
  add(line) {
    const agent = line.agent ?? '';
    if (line.n > this.total) this.total = line.n;
    this.cover(line.n, line.n);
    if (isMark(line.text)) this.mark(agent, line);
    this.hear(line.n, agent);
  }

  /** Marks that a search found in a range that it looked through whole. */
  found(lines, from, to) {
    if (to >= from) this.cover(from, to);
    for (const line of lines) if (isMark(line.text)) this.mark(line.agent ?? '', line);
  }

  mark(agent, { n, text }) {
    if (!this.marks.has(agent)) this.marks.set(agent, []);
    const marks = this.marks.get(agent);
    const at = firstAbove(marks.length, (place) => marks[place].n >= n);
    if (marks[at]?.n === n) return;
    const mark = { n, title: text === END ? null : text.slice(BEGIN.length), depth: 0 };
    marks.splice(at, 0, mark);
    if (this.stale || n < (this.order.at(-1)?.n ?? 0) || at < marks.length - 1) this.stale = true;
    else this.readMark(agent, mark);
  }

  cover(from, to) {
    const { seen } = this;
    const last = seen.at(-1);
    if (last && from >= last.from && to <= last.to) return;
    this.total = Math.max(this.total, to);
    if (last && from >= last.from && from <= last.to + 1) {
      last.to = to;
      if (this.lost.size > 0 && to >= this.total) this.gain(last);
      return;
    }
    if (!last || from > last.to + 1) {
      seen.push({ from, to });
      this.lose();
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

  /** A hole lies between what is open and what comes. The groups stay folded over it until somebody has looked where they end. */
  lose() {
    for (const { open } of this.reading.values()) {
      for (const group of open) {
        if (group.to !== null) continue;
        group.to = undefined;
        group.wasOpen = true;
        this.lost.add(group);
      }
    }
  }

  hear(n, agent) {
    const { voices } = this;
    const at = firstAbove(voices.length, (place) => voices[place].to + 1 >= n);
    const near = voices[at];
    if (near && near.from <= n && n <= near.to) return;
    this.version += 1;
    if (n < this.total) this.refix();
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

  /** The end of the log is here again: what is open in this range is open, and not lost. */
  gain(range) {
    for (const reading of this.reading.values()) {
      if (reading.range !== range) continue;
      for (const group of reading.open) {
        group.to = null;
        this.lost.delete(group);
      }
    }
    this.version += 1;
  }

  /** How many lines there are; more of them may be known to exist than were looked through. */
  reach(total) {
    if (total <= this.total) return;
    this.total = total;
    this.lose();
  }

  /** The log as it was when it had so many lines. */
  rewind(total) {
    this.total = total;
    this.stale = true;
  }

  /** Reads all marks into groups, when they did not come one after the other. */
  read() {
    if (!this.stale) return;
    this.stale = false;
    const before = this.groups;
    this.groups = new Map();
    this.reading.clear();
    this.lost.clear();
    this.order = [];
    this.refix();
    for (const [agent, marks] of this.marks) for (const mark of marks) this.readMark(agent, mark);
    this.order.sort((one, other) => one.n - other.n);
    // A group that grew stays folded over lines that were skipped, until somebody has looked where it ends.
    for (const group of this.lost) {
      const known = before.get(group.n);
      if (known) group.wasOpen = known.to === null || known.wasOpen;
    }
  }

  /** The next mark of an agent. */
  readMark(agent, mark) {
    const { n, title } = mark;
    this.version += 1;
    let reading = this.reading.get(agent);
    if (!reading) this.reading.set(agent, reading = { open: [], range: null });
    if (!reading.range || n > reading.range.to) {
      // A hole lies before this mark: where ends what began before it nobody knows.
      for (const group of reading.open) this.end(group, undefined);
      reading.open = [];
      reading.range = this.seen[firstAbove(this.seen.length, (at) => this.seen[at].to >= n)] ?? null;
    }
    const { open, range } = reading;
    if (title === null) {
      const group = open.pop();
      if (group) this.end(group, n);
    } else {
      const group = { n, agent, title, to: null, lines: null, depth: open.length, wasOpen: false };
      this.groups.set(n, group);
      this.order.push(group);
      open.push(group);
    }
    // Open at the end of what is known, which is not the end of the log.
    if ((range?.to ?? 0) < this.total) for (const group of open) if (group.to === null) this.end(group, undefined);
    mark.depth = open.length;
  }

  end(group, to) {
    group.to = to;
    if (to === undefined) {
      this.lost.add(group);
      return;
    }
    group.lines = to - group.n - 1;
    this.lost.delete(group);
  }

  refix() {
    this.fixed = { places: 0, ranges: [] };
    this.version += 1;
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
    this.refix();
  }

  foldAll(folded) {
    this.all = folded;
    this.toggled.clear();
    this.refix();
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
    for (const { n } of this.lost) {
      if (!this.isFolded(n)) continue;
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
    const { fixed, order } = this;
    const passed = fixed.ranges.length;
    for (; fixed.places < order.length; fixed.places += 1) {
      const group = order[fixed.places];
      if (!this.isFolded(group.n)) continue;
      if (typeof group.to !== 'number') break;
      this.hide(group, fixed.ranges);
    }
    if (fixed.ranges.length > passed) fixed.ranges = merged(fixed.ranges, Math.max(0, passed - 1));
    const rest = [];
    for (const group of order.slice(fixed.places)) if (this.isFolded(group.n)) this.hide(group, rest);
    this.hidden = rest.length === 0 ? fixed.ranges : merged([...fixed.ranges, ...rest]);
    return this.hidden;
  }

  /** Adds what a group hides when it is folded: what others said meanwhile stays in sight. */
  hide(group, ranges) {
    let from = group.n + 1;
    const end = this.endOf(group);
    for (let at = firstAbove(this.voices.length, (place) => this.voices[place].to >= from); at < this.voices.length; at += 1) {
      const voice = this.voices[at];
      if (voice.from > end) break;
      if (voice.agent === group.agent) continue;
      if (voice.from > from) ranges.push({ from, to: voice.from - 1 });
      from = voice.to + 1;
    }
    if (end >= from) ranges.push({ from, to: end });
  }

  /** What is worth keeping when the page is loaded again. */
  get kept() {
    return { all: this.all, toggled: [...this.toggled].slice(-KEPT_MAX) };
  }

  keep({ all, toggled }) {
    this.all = all === true;
    this.toggled = new Set((Array.isArray(toggled) ? toggled : []).filter(Number.isSafeInteger).slice(-KEPT_MAX));
    this.refix();
  }
}

/** The same as ranges in order that do not touch, in a list of its own; the first `done` of them are so already and lie before all others, or touch. */
function merged(ranges, done = 0) {
  const whole = ranges.slice(0, done);
  const rest = ranges.slice(done);
  if (rest.some(({ from }, at) => at > 0 && from < rest[at - 1].from)) rest.sort((one, other) => one.from - other.from);
  // Others may have spoken within what was done: then nothing is.
  if (done > 0 && rest.length > 0 && rest[0].from < whole.at(-1).from) return merged(ranges);
  for (const { from, to } of rest) {
    const last = whole.at(-1);
    if (last && from <= last.to + 1) whole[whole.length - 1] = { from: last.from, to: Math.max(last.to, to) };
    else whole.push({ from, to });
  }
  return whole;
}
