/**
 * The events of one run in their order, and playing them again: the same fold that keeps the page live, with the times of then. Pure: no clock, no
 * network.
 */

import { apply, emptyState } from './fold.js';

/** Characters of log lines that are kept; of later messages only the last line is, and the others are said to be skipped. */
export const CHARACTERS_MAX = 8000000;
/** A state is kept every so many events, so that going back folds no more than these. */
export const SNAPSHOT_EVERY = 250;
/** At most so many states: a longer tape keeps every second one, and so on. */
const SNAPSHOTS_MAX = 120;

export class Tape {
  /** @param {{ id: string, created_at: string, started_at: string | null }} run its record */
  constructor(run) {
    this.run = run;
    this.events = [];
    /** Time of each event in milliseconds; never less than that of the one before. */
    this.times = [];
    this.lastSeq = 0;
    this.characters = 0;
    /** Whether the beginning of the run is not in the log any more. */
    this.cut = false;
    this.ended = false;
    this.every = SNAPSHOT_EVERY;
    this.snapshots = [];
    this.folded = null;
  }

  get start() {
    return this.times[0] ?? Date.parse(this.run.created_at);
  }

  get end() {
    return this.times.at(-1) ?? this.start;
  }

  /** Takes an event of the room; those of other runs, and what was heard before, are passed over. */
  add(message) {
    if (message.run_id !== this.run.id || message.seq <= this.lastSeq) return;
    this.lastSeq = message.seq;
    if (this.events.length === 0) this.begin(message);
    const kept = message.type === 'log' ? this.lean(message) : message;
    this.events.push(kept);
    this.times.push(Math.max(Date.parse(message.timestamp), this.times.at(-1) ?? 0));
    apply(this.folded, kept);
    if (kept.type === 'completion') this.ended = true;
    if (this.events.length % this.every === 0) this.snapshot();
  }

  begin(message) {
    this.cut = message.type !== 'status_update' || message.status !== 'queued' || Date.parse(message.timestamp) - Date.parse(this.run.created_at) > 1000;
    this.snapshots.push({ index: 0, state: this.blank() });
    this.folded = this.blank();
  }

  /** The room before the run; of one that was cut it is known that it ran. */
  blank() {
    const state = emptyState();
    if (this.cut) state.run = { id: this.run.id, queued_at: this.run.created_at, started_at: this.run.started_at, ended_at: null };
    return state;
  }

  lean(message) {
    const size = message.lines.reduce((sum, { text }) => sum + text.length, 0);
    if (this.characters + size <= CHARACTERS_MAX || message.lines.length < 2) {
      this.characters += size;
      return message;
    }
    const from = message.skipped?.from ?? message.lines[0].n;
    return { ...message, lines: message.lines.slice(-1), skipped: { from, to: message.lines.at(-1).n - 1 } };
  }

  snapshot() {
    this.snapshots.push({ index: this.events.length, state: structuredClone(this.folded) });
    if (this.snapshots.length <= SNAPSHOTS_MAX) return;
    this.every *= 2;
    this.snapshots = this.snapshots.filter(({ index }) => index % this.every === 0);
  }

  /** How many events there were at a time. */
  countAt(time) {
    let low = 0;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] > time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The state after so many events. */
  stateAfter(count) {
    const { index, state } = this.snapshots.findLast((one) => one.index <= count) ?? { index: 0, state: this.blank() };
    const folded = structuredClone(state);
    for (let at = index; at < count; at += 1) apply(folded, this.events[at]);
    return folded;
  }

  /** The files that there were after so many events, each as it was then. */
  filesAfter(count) {
    const files = new Map();
    for (let at = 0; at < count; at += 1) if (this.events[at].type === 'artifact') files.set(this.events[at].path, this.events[at]);
    return [...files.values()];
  }
}

export const SPEEDS = [1, 2, 5, 10, 20, 50];
/** A silence that would last longer than this while playing is passed over, up to a moment before the next event. */
export const SILENCE_MS = 5000;
const MOMENT_MS = 400;

/** A tape that is played: where it stands, how fast, and the state there. */
export class Player {
  constructor(tape) {
    this.tape = tape;
    this.speed = 10;
    this.playing = false;
    this.time = tape.start;
    /** Milliseconds of silence that the last step passed over. */
    this.passed = 0;
    this.stand(tape.countAt(tape.start));
  }

  stand(count) {
    this.count = count;
    this.state = this.tape.stateAfter(count);
  }

  /** Milliseconds from the start, and of the whole. */
  get at() {
    return this.time - this.tape.start;
  }

  get length() {
    return this.tape.end - this.tape.start;
  }

  get atEnd() {
    return this.count >= this.tape.events.length;
  }

  /** Goes to a place; answers whether another state than the next is shown, so that nothing on the page may go on from the last. */
  seek(at) {
    this.time = this.tape.start + Math.max(0, Math.min(at, this.length));
    this.passed = 0;
    this.stand(this.tape.countAt(this.time));
  }

  /**
   * So many milliseconds passed for who watches.
   *
   * @returns {object[]} the events of them, applied to the state
   */
  step(ms) {
    const { tape } = this;
    this.passed = 0;
    this.time = Math.min(this.time + ms * this.speed, tape.end);
    const next = tape.times[this.count];
    if (next !== undefined && next - this.time > SILENCE_MS * this.speed) {
      const to = next - MOMENT_MS * this.speed;
      this.passed = to - this.time;
      this.time = to;
    }
    const heard = tape.events.slice(this.count, tape.countAt(this.time));
    for (const message of heard) apply(this.state, message);
    this.count += heard.length;
    if (this.atEnd) this.playing = false;
    return heard;
  }

  /** The next speed up or down. */
  faster(by) {
    const at = SPEEDS.indexOf(this.speed) + by;
    this.speed = SPEEDS[Math.max(0, Math.min(at, SPEEDS.length - 1))];
  }
}
