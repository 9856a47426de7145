/**
 * Groups of log lines that fold. Pure: lines in, what is drawn out.
 *
 * A line that is exactly `::group::Title` begins a group of its agent, `::endgroup::` ends it. Text that only looks like it is
 * kept by the server with an empty colour in front, so it is never taken for one.
 */

const BEGIN = '::group::';
const END = '::endgroup::';

/** Which lines begin and end groups; agents do not disturb each other's. */
export class LogGroups {
  constructor() {
    /** First line of a group -> { title, to } with `to` null while it is open. */
    this.groups = new Map();
    this.open = new Map();
    this.folded = new Set();
  }

  /** Lines come in the order of their numbers; one that was seen before changes nothing. */
  add(line) {
    const agent = line.agent ?? '';
    if (line.text.startsWith(BEGIN)) {
      this.close(agent, line.n - 1);
      if (!this.groups.has(line.n)) this.groups.set(line.n, { title: line.text.slice(BEGIN.length), agent, to: null });
      if (this.groups.get(line.n).to === null) this.open.set(agent, line.n);
    } else if (line.text === END) {
      this.close(agent, line.n);
    }
  }

  close(agent, to) {
    const from = this.open.get(agent);
    if (from === undefined || to < from) return;
    this.groups.get(from).to = to;
    this.open.delete(agent);
  }

  toggle(n) {
    if (!this.groups.has(n)) return;
    if (!this.folded.delete(n)) this.folded.add(n);
  }

  /** Whether a line is drawn: the first line of a group always is. */
  isShown(line) {
    const agent = line.agent ?? '';
    for (const from of this.folded) {
      const group = this.groups.get(from);
      if (group.agent === agent && line.n > from && (group.to === null || line.n <= group.to)) return false;
    }
    return true;
  }

  /** What a line is to whoever draws it: `{ kind: 'text' | 'begin' | 'end', title, folded, lines }`. */
  roleOf(line) {
    const group = this.groups.get(line.n);
    if (group && line.text.startsWith(BEGIN)) {
      const lines = group.to === null ? null : Math.max(0, group.to - line.n - 1);
      return { kind: 'begin', title: group.title, folded: this.folded.has(line.n), lines };
    }
    return { kind: line.text === END ? 'end' : 'text' };
  }
}
