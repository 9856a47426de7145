// When agents worked and when the run waited, from its events.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { scaleOf, ticksOf, timelineOf } from '../../static/js/client/timeline.js';

const START = Date.parse('2026-03-01T10:00:00.000Z');
const AGENTS = [{ agent: 'one', title: 'One', index: 1 }, { agent: 'two', title: 'Two', index: 2 }];
const stamped = (ms, body) => ({ ...body, timestamp: new Date(START + ms).toISOString() });
const run = (ms, status, message = status) => stamped(ms, { type: 'status_update', status, message });
const agent = (ms, name, status, message = status) => stamped(ms, { type: 'agent_update', agent: name, title: name, index: name === 'one' ? 1 : 2, status, message });
const end = (ms, status) => stamped(ms, { type: 'completion', status, message: status });

/** A timeline as text: rows and bands, times in ms from the start. */
function sketch(events, record = null) {
  const { bands, rows } = timelineOf(events, AGENTS, record);
  const time = (at) => (at === null ? '' : at - START);
  return [
    ...bands.map(({ kind, from, to }) => `${kind} ${time(from)}-${time(to)}`),
    ...rows.flatMap(({ agent: name, bars }) => bars.map(({ kind, tone, from, to }) => `${name}: ${kind} ${tone} ${time(from)}-${time(to)}`)),
  ];
}

describe('a timeline', () => {
  test('has a bar for each try, and what lies between', () => {
    assert.deepEqual(sketch([
      run(0, 'queued'), run(50, 'starting'), run(60, 'running'),
      agent(60, 'one', 'started'), agent(100, 'one', 'progress', 'half'), agent(200, 'one', 'completed'),
      agent(200, 'two', 'started'),
      agent(300, 'two', 'progress', 'the pen broke; trying again in 0.2s (try 2 of 4)'),
      agent(500, 'two', 'started', 'Starting two agent, try 2'), agent(900, 'two', 'failed', 'no ink'), end(900, 'failed'),
    ]), [
      'queued 0-60', 'one: work go 60-200', 'two: work stop 200-300', 'two: pause wait 300-500', 'two: work stop 500-900',
    ]);
    const { rows } = timelineOf([agent(0, 'two', 'started'), agent(1, 'two', 'progress', 'the pen broke; trying again in 0.2s (try 2 of 4)'), agent(2, 'two', 'started')], AGENTS);
    assert.deepEqual(rows[1].bars.map(({ says }) => says), ['the pen broke', 'Waits for try 2 of 4', '']);
    assert.deepEqual(rows[1].bars.map((bar) => bar.try), [1, undefined, 2]);
  });

  test('has what is not over yet', () => {
    assert.deepEqual(sketch([run(0, 'queued'), run(9, 'running'), agent(10, 'one', 'started')]), ['queued 0-9', 'one: work standby 10-']);
    assert.deepEqual(sketch([run(0, 'queued')]), ['queued 0-']);
  });

  test('shows pauses and gates', () => {
    const events = [
      run(0, 'running'), agent(0, 'one', 'started'), run(50, 'pausing'), agent(100, 'one', 'completed'), run(100, 'paused'),
      run(400, 'queued'), run(500, 'running'), run(501, 'waiting', 'Is it right?'), run(800, 'queued', 'Approved by local; waits for its turn'), run(810, 'running'),
      agent(810, 'two', 'started'), agent(900, 'two', 'completed'), end(900, 'completed'),
    ];
    assert.deepEqual(sketch(events), [
      'paused 100-400', 'queued 400-500', 'waiting 501-800', 'queued 800-810',
      'one: work go 0-100', 'one: gate standby 501-800', 'two: work go 810-900',
    ]);
    assert.match(timelineOf(events, AGENTS).rows[0].bars[1].says, /^Approved by local/);
  });

  test('ends what a restart or a cancel cut off', () => {
    assert.deepEqual(sketch([
      run(0, 'running'), agent(0, 'one', 'started'), run(100, 'queued', 'Interrupted by a restart'), run(200, 'running'), agent(200, 'one', 'started'),
      run(250, 'cancelling'), end(300, 'cancelled'),
    ]), ['queued 100-200', 'one: work off 0-100', 'one: work off 200-300']);
    assert.deepEqual(sketch([run(0, 'running'), agent(0, 'one', 'started'), end(70, 'timed_out')]), ['one: work stop 0-70']);
  });

  test('has points for what took no time', () => {
    assert.deepEqual(sketch([agent(5, 'one', 'reused'), agent(6, 'two', 'skipped')]), ['one: point go 5-5', 'two: point off 6-6']);
  });

  test('takes from the record what the log has not any more', () => {
    const stamp = (ms) => new Date(START + ms).toISOString();
    const record = { created_at: stamp(0), ended_at: stamp(900), agents: [
      { agent: 'one', title: 'One', index: 1, status: 'completed', started_at: stamp(10), duration_ms: 90, failed_tries: 1, summary: 'fine' },
      { agent: 'two', title: 'Two', index: 2, status: null, started_at: null, duration_ms: null, failed_tries: 0, summary: null },
    ] };
    assert.deepEqual(sketch([], record), ['one: work go 10-100']);
    assert.deepEqual(sketch([agent(20, 'one', 'reused')], record), ['one: point go 20-20'], 'the log knows better');
    const { start, end: over } = timelineOf([], AGENTS, record);
    assert.deepEqual([start - START, over - START], [0, 900]);
    assert.equal(timelineOf([], AGENTS).start, null);
  });
});

describe('its scale', () => {
  const near = (one, other) => assert.ok(Math.abs(one - other) < 0.001, `${one} is not ${other}`);

  test('is even without waits', () => {
    const scale = scaleOf({ start: 100, bands: [] }, 300);
    for (const [time, place] of [[100, 0], [200, 0.5], [300, 1], [0, 0], [900, 1]]) near(scale.place(time), place);
    near(scale.timeAt(0.25), 150);
    assert.deepEqual(scale.breaks, []);
    assert.deepEqual(ticksOf(scale, 100, 300, 5).map(({ at }) => at), [0, 50, 100, 150, 200]);
  });

  test('draws a night of pause short', () => {
    const scale = scaleOf({ start: 0, bands: [{ from: 1000, to: 100001000 }] }, 100002000);
    near(scale.place(1000), scale.place(100002000) - scale.place(100001000));
    assert.ok(scale.place(1000) > 0.2, 'what was worked can be seen');
    assert.equal(scale.breaks.length, 1);
    near(scale.timeAt(scale.place(500)), 500);
    const ticks = ticksOf(scale, 0, 100002000, 4);
    assert.equal(ticks.length, 5);
    near(ticks.at(-1).at, 100002000);
  });

  test('keeps a wait that is all there is', () => {
    const scale = scaleOf({ start: 0, bands: [{ from: 0, to: null }] }, 5000);
    near(scale.place(2500), 0.5);
    near(scaleOf({ start: 0, bands: [] }, 0).place(0), 0);
  });
});
