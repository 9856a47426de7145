/** Folding of the log's groups: what is folded is kept for this window, and ends of groups that are not here are looked for. */

import { LogGroups, MARK } from './log_groups.js';
import { Rows } from './log_rows.js';

const MARKS_ASKED = 2000;
/** Answers that are asked for at once; each may look through a hundred thousand lines. */
const ASKS_MAX = 400;
/** In a flood ends are looked for only so often. */
const LOOK_EVERY_MS = 400;

export class LogFolding {
  /** @param {{ ask: (query: object) => Promise<object>, onchange: () => void, kept?: Storage | null }} parts */
  constructor({ ask, onchange, kept = storage() }) {
    Object.assign(this, { ask, onchange, kept });
    this.begin('');
  }

  /** Another log. */
  begin(key) {
    this.key = `callboard folds ${key}`;
    this.groups = new LogGroups();
    this.shown = null;
    clearTimeout(this.later);
    this.later = null;
    this.looking = false;
    try {
      const text = this.kept?.getItem(this.key);
      if (text) this.groups.keep(JSON.parse(text));
    } catch {
      // What cannot be read is not worth a word.
    }
  }

  get any() {
    this.groups.read();
    return this.groups.groups.size > 0;
  }

  /** The rows to draw. The same object as long as nothing is folded, unfolded or written. */
  rows(total) {
    const { groups } = this;
    groups.reach(total);
    const hidden = groups.ranges;
    if (this.hidden !== hidden || this.shown?.total !== total) this.shown = new Rows(total, within(hidden, total));
    this.hidden = hidden;
    if (groups.unknown) this.soon();
    return this.shown;
  }

  toggle(n) {
    this.groups.toggle(n);
    this.changed();
  }

  foldAll(folded) {
    this.groups.foldAll(folded);
    this.changed();
  }

  open(n) {
    const { version } = this.groups;
    this.groups.open(n);
    if (this.groups.version !== version) this.changed();
  }

  changed() {
    try {
      this.kept?.setItem(this.key, JSON.stringify(this.groups.kept));
    } catch {
      // A full or forbidden store: then it is not kept.
    }
    this.look();
  }

  soon() {
    this.later ??= setTimeout(() => {
      this.later = null;
      this.look();
    }, LOOK_EVERY_MS);
  }

  /** Asks for the marks that are needed and not here. */
  async look() {
    if (this.looking) return;
    const { groups } = this;
    this.looking = true;
    try {
      for (let asked = 0; asked < ASKS_MAX; asked += 1) {
        const from = groups.all ? groups.firstHole : groups.unknown?.from ?? null;
        if (from === null) break;
        const answer = await this.ask({ from, limit: MARKS_ASKED, q: MARK });
        if (groups !== this.groups) return;
        const to = answer.next_from ? answer.next_from - 1 : answer.total;
        // What the log does not have, or not yet, is not asked for again and again.
        groups.found(answer.lines.filter(({ n }) => n <= groups.total), from, Math.max(from, Math.min(to, groups.total)));
        this.onchange();
      }
    } catch {
      // The next fold asks again; until then the group stays as it is.
    }
    if (groups === this.groups) this.looking = false;
  }
}

/** A log that is shown only up to a moment has groups that end behind it. */
function within(hidden, total) {
  if ((hidden.at(-1)?.to ?? 0) <= total) return hidden;
  return hidden.filter(({ from }) => from <= total).map(({ from, to }) => ({ from, to: Math.min(to, total) }));
}

function storage() {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null;
  }
}
