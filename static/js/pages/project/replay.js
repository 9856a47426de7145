/** A run that has ended is played again on the same page: the same events, the same fold, the times of then. */

import { Player, SPEEDS, Tape } from '../../client/tape.js';
import { api } from '../../ui/api.js';
import { byId, el, setText } from '../../ui/dom.js';
import { clock, count, duration, isTerminal, statusText } from '../../ui/format.js';
import { toast } from '../../ui/notices.js';
import { readRun } from './run_events.js';

/** A run is played in about this time unless somebody wants it slower or faster. */
const WATCHED_MS = 30000;
/** A page that was out of sight does not catch up. */
const FRAME_MS_MAX = 250;
/** Part of the run that an arrow key moves, and the least. */
const MOVE_PART = 0.02;
const MOVE_MS_MIN = 500;
const PASSED_SHOWN_MS = 2500;

export class Replay {
  /** @param {{ page: object, box: HTMLElement, onstate: (state: object, now: () => number) => void, onheard: (message: object, state: object) => void, onmove: () => void, onleave: () => void }} parts */
  constructor({ page, box, onstate, onheard, onmove, onleave }) {
    Object.assign(this, { page, box, onstate, onheard, onmove, onleave });
    this.abort = null;
    this.player = null;
    this.what = el('span.replay-what');
    this.play = el('button.small.replay-play', { type: 'button', 'aria-keyshortcuts': 'Space', onclick: () => this.toggle() });
    this.slider = el('input', { type: 'range', min: '0', max: '1000', step: '1', 'aria-label': 'Moment of the run', oninput: () => this.seek(Number(this.slider.value) / 1000 * this.player.length) });
    this.time = el('output.replay-time');
    this.speed = el('select', { 'aria-label': 'Speed', onchange: () => { this.player.speed = Number(this.speed.value); } },
      ...SPEEDS.map((speed) => el('option', { value: String(speed) }, `${speed} ×`)));
    this.note = el('span.replay-note', { role: 'status' });
    this.controls = el('div.replay-controls', {}, this.play, this.slider, this.time, this.speed);
    box.replaceChildren(
      el('div.replay-head', {},
        el('strong.replay-mark', {}, 'Replay'), this.what, this.note,
        el('button.small.replay-leave', { type: 'button', 'aria-keyshortcuts': 'Escape', onclick: () => this.leave() }, 'Back to live')),
      this.controls);
    document.addEventListener('keydown', (event) => this.key(event));
  }

  get open() {
    return this.abort !== null;
  }

  /** Reads a run and begins to play it. */
  async start(run) {
    this.abort?.abort();
    const abort = new AbortController();
    this.abort = abort;
    this.box.hidden = false;
    this.controls.hidden = true;
    setText(this.what, 'Reading the run');
    setText(this.note, '');
    try {
      const record = await api.run(run);
      const tape = new Tape(record);
      await readRun({
        project: this.page.project.id, run, signal: abort.signal,
        take: (message) => tape.add(message),
        onread: (read) => setText(this.what, `Reading the run: ${count(read)} events`),
      });
      if (abort.signal.aborted) return;
      if (tape.events.length === 0) throw new Error('Nothing of this run is kept any more: its events were removed after their time.');
      this.begin(record, tape);
    } catch (problem) {
      if (abort.signal.aborted) return;
      toast(problem.message);
      this.leave();
    }
  }

  begin(record, tape) {
    this.record = record;
    this.player = new Player(tape);
    this.player.speed = SPEEDS.find((speed) => this.player.length / speed <= WATCHED_MS) ?? SPEEDS.at(-1);
    this.player.playing = !matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.controls.hidden = false;
    setText(this.what, `of the run of ${new Date(record.created_at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}, ${clock(record.created_at)} · ${statusText(record.status)}`);
    this.cut = tape.cut ? 'Its beginning was removed after its time.' : '';
    document.body.dataset.replay = 'true';
    this.stand();
    this.slider.focus({ preventScroll: true });
    this.frames();
  }

  /** Where files of the run that is played are. */
  fileOf(file) {
    // Those of the newest run are where they always are.
    return this.live?.run?.id === this.record.id ? file : { ...file, url: api.runFile(this.record.id, file.path) };
  }

  files() {
    return this.player.tape.filesAfter(this.player.count).map((file) => this.fileOf(file));
  }

  /** What happened live meanwhile. */
  heard(message, live) {
    this.live = live;
    if (message.type === 'status_update' && message.run_id !== this.record?.id && !isTerminal(message.status)) setText(this.note, 'Another run is at work.');
  }

  frames() {
    let before = performance.now();
    const { player } = this;
    const frame = (now) => {
      if (this.player !== player) return;
      const ms = Math.min(Math.max(0, now - before), FRAME_MS_MAX);
      before = now;
      requestAnimationFrame(frame);
      if (player.playing) this.step(ms);
    };
    requestAnimationFrame(frame);
  }

  step(ms) {
    const { player } = this;
    const heard = player.step(ms);
    if (player.passed > 0) this.say(`Passed over ${duration(player.passed)} in which nothing happened.`);
    for (const message of heard) this.onheard(message, player.state);
    this.draw();
    this.onmove(heard.length > 0 || !player.playing);
  }

  say(text) {
    setText(this.note, text);
    clearTimeout(this.silence);
    this.silence = setTimeout(() => setText(this.note, this.cut), PASSED_SHOWN_MS);
  }

  seek(at) {
    this.player.seek(at);
    this.stand();
  }

  /** Another moment: the page shows it anew. */
  stand() {
    setText(this.note, this.cut);
    this.draw();
    this.onstate(this.player.state, () => this.player.time);
  }

  toggle() {
    if (!this.player) return;
    if (this.player.atEnd) this.seek(0);
    this.player.playing = !this.player.playing;
    this.draw();
  }

  draw() {
    const { player } = this;
    setText(this.play, player.playing ? 'Pause' : player.atEnd ? 'Again' : 'Play');
    const says = `${moment(player.at)} of ${moment(player.length)}`;
    setText(this.time, says);
    if (document.activeElement !== this.slider || player.playing) this.slider.value = String(Math.round((player.at / Math.max(1, player.length)) * 1000));
    this.slider.setAttribute('aria-valuetext', says);
    this.speed.value = String(player.speed);
  }

  leave() {
    this.abort?.abort();
    this.abort = null;
    this.player = null;
    this.record = null;
    this.box.hidden = true;
    clearTimeout(this.silence);
    const shown = document.body.dataset.replay === 'true';
    delete document.body.dataset.replay;
    if (shown) this.onleave();
    byId('replay').focus({ preventScroll: true });
  }

  key(event) {
    if (!this.open || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const { target, key } = event;
    if (target !== this.slider && target.closest?.('input, textarea, select, [contenteditable]')) return;
    // What has a use of its own for a key keeps it.
    if (key === ' ' && target.closest?.('button, summary, a')) return;
    if (/^(?:Arrow|Home|End)/.test(key) && target.closest?.('.log, .timeline-chart, .file-body, [role="tablist"], [tabindex="0"]')) return;
    const act = key === 'Escape' ? () => this.leave() : this.player && this.keys[key];
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }

  get keys() {
    const { player } = this;
    const far = Math.max(MOVE_MS_MIN, player.length * MOVE_PART);
    return {
      ' ': () => this.toggle(),
      p: () => this.toggle(),
      ArrowLeft: () => this.seek(player.at - far),
      ArrowRight: () => this.seek(player.at + far),
      Home: () => this.seek(0),
      End: () => this.seek(player.length),
      '+': () => this.faster(1),
      '-': () => this.faster(-1),
    };
  }

  faster(by) {
    this.player.faster(by);
    this.draw();
  }
}

/** Minutes and seconds, with tenths below a minute. */
function moment(ms) {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.floor(seconds);
  const clockOf = `${String(Math.floor(whole / 60) % 60).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`;
  return whole < 3600 ? clockOf : `${Math.floor(whole / 3600)}:${clockOf}`;
}
