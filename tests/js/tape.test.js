// A run that is played again: the same fold, the times of then.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { apply, emptyState } from '../../static/js/client/fold.js';
import { CHARACTERS_MAX, Player, SILENCE_MS, SNAPSHOT_EVERY, Tape } from '../../static/js/client/tape.js';

const START = Date.parse('2026-03-01T10:00:00.000Z');
const RECORD = { id: 'r1', created_at: new Date(START).toISOString(), started_at: new Date(START + 10).toISOString() };
const at = (ms, body, seq) => ({ seq, position: `p-${seq}`, timestamp: new Date(START + ms).toISOString(), run_id: 'r1', ...body });
const status = (text, progress = 0) => ({ type: 'status_update', status: text, progress, message: text, eta: null });
const log = (n, text = `line ${n}`) => ({ type: 'log', level: 'info', agent: 'a', lines: [{ n, at: '', text }] });
const end = { type: 'completion', status: 'completed', success: true, message: 'done', duration_ms: 5, artifacts: 0, download_url: null, error: null, evidence: null };

/** A run of so many lines, one every 100 ms. */
function events(lines) {
  const bodies = [[0, status('queued')], [10, status('running')]];
  for (let n = 1; n <= lines; n += 1) bodies.push([n * 100, log(n)]);
  bodies.push([lines * 100 + 50, end]);
  return bodies.map(([ms, body], place) => at(ms, body, place + 7));
}

function tapeOf(list) {
  const tape = new Tape(RECORD);
  list.forEach((message) => tape.add(message));
  return tape;
}

describe('a tape', () => {
  test('has at every moment the state of then', () => {
    const list = events(3 * SNAPSHOT_EVERY);
    const tape = tapeOf(list);
    assert.equal(tape.cut, false);
    assert.equal(tape.ended, true);
    assert.ok(tape.snapshots.length > 2);
    const state = emptyState();
    list.forEach((message, place) => {
      assert.ok(place % 41 !== 0 || JSON.stringify(tape.stateAfter(place)) === JSON.stringify(state), `after ${place}`);
      apply(state, message);
    });
    assert.deepEqual(tape.stateAfter(list.length), state);
    assert.equal(state.status, 'completed');
  });

  test('passes over what belongs to others and what it has', () => {
    const list = events(3);
    const tape = tapeOf([at(0, { ...status('queued'), run_id: 'r0' }, 1), ...list, list[2], { ...list[3], run_id: null, seq: 99 }]);
    assert.equal(tape.events.length, list.length);
  });

  test('that was cut says so, and still folds', () => {
    const tape = tapeOf(events(5).slice(4));
    assert.equal(tape.cut, true);
    assert.deepEqual(tape.stateAfter(1).run, { id: 'r1', queued_at: RECORD.created_at, started_at: RECORD.started_at, ended_at: null });
    assert.equal(tape.stateAfter(4).status, 'completed');
    // Back to the queue after a pause is not the beginning.
    assert.equal(tapeOf([at(60000, status('queued'), 8)]).cut, true);
  });

  test('of a flood keeps the last line of each message, and says what it left out', () => {
    const tape = new Tape(RECORD);
    tape.add(at(0, status('queued'), 1));
    const text = 'x'.repeat(16000);
    for (let seq = 2; seq < 2 + CHARACTERS_MAX / 16000; seq += 1) {
      const lines = Array.from({ length: 3 }, (_, place) => ({ n: (seq - 2) * 3 + place + 1, at: '', text }));
      tape.add(at(seq, { type: 'log', level: 'info', agent: null, lines }, seq));
    }
    const last = tape.events.at(-1);
    assert.equal(last.lines.length, 1);
    assert.deepEqual(last.skipped, { from: last.lines[0].n - 2, to: last.lines[0].n - 1 });
    assert.ok(tape.characters <= CHARACTERS_MAX);
    assert.equal(tape.stateAfter(tape.events.length).log.total, last.lines[0].n);
  });

  test('keeps a bounded number of states', () => {
    const tape = tapeOf(events(200 * SNAPSHOT_EVERY));
    assert.ok(tape.snapshots.length <= 121, `${tape.snapshots.length}`);
    assert.equal(tape.stateAfter(40000).log.total, 39998);
  });

  test('knows the files of a moment', () => {
    const file = (path, sha256) => ({ type: 'artifact', path, sha256, media_type: 'text/plain', size: 1, url: '', agent: 'a' });
    const tape = tapeOf([at(0, status('queued'), 1), at(1, file('a', '1'), 2), at(2, file('b', '2'), 3), at(3, file('a', '3'), 4)]);
    assert.deepEqual(tape.filesAfter(3).map(({ path, sha256 }) => path + sha256), ['a1', 'b2']);
    assert.deepEqual(tape.filesAfter(4).map(({ path, sha256 }) => path + sha256), ['a3', 'b2']);
  });
});

describe('a player', () => {
  test('plays at its speed, event by event, to the same end', () => {
    const list = events(40);
    const tape = tapeOf(list);
    const player = new Player(tape);
    assert.equal(player.state.status, 'queued');
    player.speed = 5;
    const heard = [];
    while (!player.atEnd) {
      const before = player.at;
      heard.push(...player.step(16));
      assert.ok(player.at - before <= 80);
    }
    assert.deepEqual(heard, list.slice(1));
    assert.deepEqual(player.state, tape.stateAfter(list.length));
    assert.equal(player.at, player.length);
    assert.deepEqual(player.step(1000), []);
  });

  test('goes anywhere', () => {
    const player = new Player(tapeOf(events(40)));
    player.seek(2000);
    assert.equal(player.state.log.total, 20);
    player.seek(500);
    assert.equal(player.state.log.total, 5);
    player.seek(-5);
    assert.deepEqual([player.at, player.state.status], [0, 'queued']);
    player.seek(Infinity);
    assert.equal(player.state.status, 'completed');
  });

  test('passes over a long silence, and says how long it was', () => {
    const night = 8 * 3600 * 1000;
    const player = new Player(tapeOf([at(0, status('queued'), 1), at(10, status('paused'), 2), at(night, status('running'), 3)]));
    player.speed = 50;
    player.step(1);
    player.step(20);
    assert.ok(player.passed > night - SILENCE_MS * 50);
    assert.equal(player.state.status, 'paused');
    assert.equal(player.step(500).length, 1);
  });

  test('has speeds with ends', () => {
    const player = new Player(tapeOf(events(1)));
    for (let step = 0; step < 9; step += 1) player.faster(1);
    assert.equal(player.speed, 50);
    for (let step = 0; step < 9; step += 1) player.faster(-1);
    assert.equal(player.speed, 1);
  });
});
