import assert from 'node:assert/strict';
import { test } from 'node:test';

import { alertsAfter } from '../../static/js/client/alert_list.js';
import { AuditLog, SHOWN } from '../../static/js/client/audit_log.js';
import { inWords, nearest, niceMax, path, pointsOf, remember, SPAN_MS } from '../../static/js/client/chart.js';
import { Newest } from '../../static/js/client/newest.js';
import { tailLine } from '../../static/js/client/tail_line.js';
import { bytes, ms, percentText, short, uptime } from '../../static/js/pages/admin/words.js';

const at = (seconds) => new Date(seconds * 1000).toISOString();

test('the end of a scale is round and holds every value', () => {
  for (const [values, expected] of [[[], 1], [[0], 1], [[1], 1], [[1.2], 2], [[4], 5], [[7, 3], 10], [[99], 100], [[100], 100], [[101], 200], [[0.3, 42], 50]]) {
    assert.equal(niceMax(values), expected, String(values));
  }
  assert.equal(niceMax([2], 5), 5);
});

test('a line breaks where nothing is known and where nobody looked', () => {
  const frame = { width: 100, height: 50, from: 0, to: 100_000, max: 10 };
  assert.equal(path([[0, 0], [10_000, 5], [20_000, 20]], frame), 'M0 50h0.01L10 25L20 0');
  assert.equal(path([[0, 1], [10_000, null], [20_000, 1]], frame), 'M0 45h0.01M20 45h0.01');
  assert.equal(path([[0, 1], [60_000, 1]], frame), 'M0 45h0.01M60 45h0.01');
  assert.equal(path([[-5_000, 1]], frame), '', 'what is too old is not drawn');
});

test('samples of five minutes are kept, each once and in order', () => {
  let samples = [];
  for (let second = 0; second < 400; second += 2) samples = remember(samples, { at: at(second), value: second });
  assert.equal(samples.length, SPAN_MS / 2000 + 1);
  const again = remember(samples, samples.at(-1));
  assert.deepEqual(again, samples);
  assert.deepEqual(remember(samples, { at: at(0) }), [{ at: at(0) }], 'a clock that went back begins anew');
  assert.equal(nearest(samples, 200_900).value, 200);
  assert.equal(nearest([], 0), null);
  assert.deepEqual(pointsOf([{ at: at(1), cpu: undefined }], 'cpu'), [[1000, null]]);
});

test('a chart says in words what it shows', () => {
  const samples = [{ at: at(0), n: 4 }, { at: at(2), n: null }, { at: at(4), n: 2 }];
  assert.equal(inWords(samples, { key: 'n', label: 'Waiting' }, String), 'Waiting: now 2, between 2 and 4');
  assert.equal(inWords([], { key: 'n', label: 'Waiting' }, String), 'Waiting: no figures yet');
});

test('figures are short and read alone', () => {
  assert.deepEqual([0, 3.25, 999.7, 12345, 1234567].map(short), ['0', '3.3', '1,000', '12.3K', '1.2M']);
  assert.deepEqual([0, 0.126, 4.2, 262.4, 1500].map(ms), ['0 ms', '0.13 ms', '4.2 ms', '262 ms', '1.5 s']);
  assert.deepEqual([null, 4.25, 99.6].map(percentText), ['–', '4.3 %', '100 %']);
  assert.deepEqual([null, 0, 999, 2048, 5 * 1024 ** 3].map(bytes), ['–', '0 B', '999 B', '2 KB', '5 GB']);
  assert.deepEqual([5, 600, 7200, 500000].map(uptime), ['5 s', '10 min', '2 h', '6 days']);
});

test('a message of a room is one line', () => {
  const lines = [
    [{ type: 'status_update', seq: 3, timestamp: 't', status: 'running', progress: 41.9, message: 'Working' }, 'running · 41 % · Working'],
    [{ type: 'log', lines: [{ n: 1, text: 'a' }, { n: 2, text: 'b' }], skipped: { from: 3, to: 9 } }, '2 · b · (2 lines) · (7 skipped)'],
    [{ type: 'event', name: 'cue', data: { n: 1 } }, 'cue · {"n":1}'],
    [{ type: 'completion', status: 'failed', message: 'Failed', error: { message: 'no paint' } }, 'failed · Failed · no paint'],
    [{ type: 'presence', viewers: 4 }, '4 watching'],
    [{ type: 'broadcast', message: { text: 'x' } }, '{"text":"x"}'],
    [{ type: 'new one', a: 1 }, '{"type":"new one","a":1}'],
  ];
  for (const [message, text] of lines) assert.equal(tailLine(message).text, text);
  assert.equal(tailLine(lines[0][0]).seq, 3);
  assert.ok(tailLine({ type: 'event', name: 'x', data: 'y'.repeat(5000) }).text.length < 300);
});

test('an acknowledgement that comes late does not put an alert back that is over', () => {
  const [one, two] = [{ id: 1, title: 'one', acknowledged: null }, { id: 2, title: 'two', acknowledged: null }];
  const signed = { ...one, acknowledged: { by: 'admin', at: 't' } };
  let alerts = [{ state: 'raised', alert: one }, { state: 'raised', alert: two }].reduce(alertsAfter, { active: [], cleared: [] });
  assert.deepEqual(alerts.active.map(({ id }) => id), [2, 1]);
  assert.deepEqual(alertsAfter(alerts, { state: 'acknowledged', alert: signed }).active, [two, signed]);
  alerts = alertsAfter(alerts, { state: 'cleared', alert: { ...one, cleared_at: 'now' } });
  alerts = alertsAfter(alerts, { state: 'acknowledged', alert: signed });
  assert.deepEqual(alerts, { active: [two], cleared: [{ ...signed, cleared_at: 'now' }] });
  assert.deepEqual(alertsAfter(alerts, { state: 'raised', alert: one }), alerts);
  // One that is not shown at all was over long ago.
  assert.deepEqual(alertsAfter(alerts, { state: 'acknowledged', alert: { ...signed, id: 9 } }), alerts);
  for (let id = 10; id < 40; id += 1) alerts = alertsAfter(alerts, { state: 'cleared', alert: { id } });
  assert.deepEqual([alerts.cleared.length, alerts.cleared[0].id], [20, 39]);
});

test('an audit log has no hole, however long somebody was away', () => {
  const page = (newest, count) => Array.from({ length: count }, (_, n) => ({ id: newest - n }));
  const ids = (log) => log.entries.map(({ id }) => id);
  const hole = (log) => ids(log).some((id, at) => at > 0 && ids(log)[at - 1] !== id + 1);
  const log = new AuditLog();
  log.state(page(100, SHOWN));
  assert.ok(log.heard({ id: 101 }) && !log.heard({ id: 100 }));
  log.older(71, { entries: page(70, 50), next_cursor: 21 });
  assert.deepEqual([ids(log).length, hole(log), log.cursor()], [81, false, 21]);
  // Away for a little: what is shown meets what is known.
  log.state(page(120, SHOWN));
  assert.deepEqual([ids(log)[0], ids(log).at(-1), hole(log)], [120, 21, false]);
  log.older(21, { entries: page(20, 20), next_cursor: null });
  log.state(page(125, SHOWN));
  assert.deepEqual([ids(log).length, log.cursor()], [125, null], 'nothing is older, still');
  // Away for long: nothing meets.
  log.state(page(500, SHOWN));
  assert.deepEqual([ids(log).length, hole(log), log.cursor()], [SHOWN, false, 471]);
  // An answer to a question of before belongs nowhere.
  log.state(page(600, SHOWN));
  log.older(471, { entries: page(470, 50), next_cursor: 421 });
  assert.deepEqual([ids(log).length, hole(log), log.cursor()], [SHOWN, false, 571]);
  // A server that was set up anew has a short log.
  log.state(page(2, 2));
  assert.deepEqual([ids(log), log.cursor()], [[2, 1], null]);
});

test('of two questions the newer one counts, whichever is answered first', async () => {
  const looks = new Newest();
  const answers = [];
  const ask = () => looks.ask(() => new Promise((resolve, reject) => answers.push({ resolve, reject })));
  const [old, fresh] = [ask(), ask()];
  answers[1].resolve('new');
  answers[0].resolve('old');
  assert.deepEqual(await Promise.all([old, fresh]), [undefined, 'new']);
  const [failing, failed] = [ask(), ask()];
  answers[2].reject(new Error('late'));
  answers[3].reject(new Error('now'));
  assert.equal(await failing, undefined);
  await assert.rejects(failed, /now/);
  const unwanted = ask();
  looks.forget();
  answers[4].resolve('late');
  assert.equal(await unwanted, undefined);
});
