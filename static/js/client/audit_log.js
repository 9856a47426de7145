/** The audit log as far as a page has read it, without a page: the newest first, and never with a hole. */

/** Entries that are shown to who comes to the dashboard; fewer are all there are. */
export const SHOWN = 30;

export class AuditLog {
  constructor() {
    this.entries = [];
    /** Nothing is older than what is here. */
    this.whole = false;
  }

  /** The newest entries, as somebody who comes, or comes back, is shown them. */
  state(newest) {
    const known = new Set(newest.map(({ id }) => id));
    const older = this.entries.filter(({ id }) => !known.has(id));
    const meets = older.length < this.entries.length;
    if (newest.length < SHOWN) {
      this.entries = newest;
      this.whole = true;
    } else if (meets) {
      this.entries = [...newest, ...older];
    } else {
      // More was done meanwhile than is shown: what lies between is read again, with all that is older.
      this.entries = newest;
      this.whole = false;
    }
  }

  /** One that was just written; whether it is new. */
  heard(entry) {
    if (this.entries.some(({ id }) => id === entry.id)) return false;
    this.entries.unshift(entry);
    return true;
  }

  /** Where older ones are asked for; null when there are none. */
  cursor() {
    return this.whole ? null : this.entries.at(-1)?.id ?? null;
  }

  /** The answer to who has asked with this cursor. The log may have begun anew meanwhile: then it belongs nowhere. */
  older(cursor, { entries, next_cursor: next }) {
    if (cursor === null || cursor !== this.cursor()) return;
    this.entries.push(...entries);
    this.whole = next === null;
  }
}
