// Which picture is shown while an agent makes one.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { making, makingOf } from '../../static/js/client/making.js';

const state = (agents = [{ agent: 'sampler', status: 'progress' }], more = {}) => ({ run: { id: 'r1' }, agents, completion: null, ...more });
const preview = (step, more = {}) => ({ type: 'preview', run_id: 'r1', agent: 'sampler', step, of: 9, url: `/files/a.png?v=${step}`, ...more });
const artifact = (more = {}) => ({ type: 'artifact', run_id: 'r1', agent: 'sampler', path: 'out.png', media_type: 'image/png', sha256: 'abcdef0123456789', url: '/files/out.png', ...more });
const agent = (status) => ({ type: 'agent_update', agent: 'sampler', status });
const after = (...messages) => messages.reduce((shown, message) => making(shown, message, state()), null);

test('the newest preview wins', () => {
  const shown = after(preview(1), preview(4));
  assert.deepEqual([shown.step, shown.of, shown.url, shown.result], [4, 9, '/files/a.png?v=4', null]);
  assert.deepEqual(after(preview(4), agent('progress'), { type: 'log' }), shown);
});

test('the picture that was made takes their place', () => {
  const shown = after(preview(9), artifact(), agent('completed'));
  assert.deepEqual(shown.result, { path: 'out.png', url: '/files/out.png?v=abcdef012345' });
  assert.deepEqual(making(shown, { type: 'completion' }, state([], { completion: {} })), shown);
  assert.equal(making(shown, preview(1, { run_id: 'r2' }), { ...state([]), run: { id: 'r2' } }), null, 'another run begins');
});

test('without a picture at the end they go', () => {
  for (const [name, ...messages] of [
    ['only text was made', artifact({ media_type: 'text/plain' }), agent('completed')],
    ['by somebody else', artifact({ agent: 'other' }), agent('completed')],
    ['it begins again', artifact(), agent('started')],
  ]) assert.equal(after(preview(3), ...messages), null, name);
  const gone = state([{ agent: 'sampler', status: 'completed' }]);
  assert.equal(making(after(preview(3)), { type: 'connection' }, gone), null, 'its end was missed');
  assert.notEqual(making(after(preview(3)), { type: 'connection' }, state()), null);
});

test('a run that ends before the picture is there leaves the last preview', () => {
  const url = '/api/projects/p1/files/a.png?v=3';
  for (const [name, ...messages] of [['it failed', agent('failed')], ['it was stopped', agent('skipped')], ['at once']]) {
    const shown = after(preview(3, { url }), ...messages, { type: 'completion' });
    assert.deepEqual([shown.url, shown.step, shown.last, shown.result], ['/api/runs/r1/files/a.png?v=3', 3, true, null], name);
    const ended = state([{ agent: 'sampler', status: 'failed' }], { completion: {} });
    assert.deepEqual(making(shown, { type: 'connection' }, ended), shown, name);
    assert.equal(making(shown, preview(1, { run_id: 'r2' }), { ...state([]), run: { id: 'r2' } }), null, 'another run begins');
  }
  const gone = state([{ agent: 'sampler', status: 'failed' }], { completion: {} });
  const record = { id: 'r1', agents: [{ agent: 'intake', preview_url: null }, { agent: 'sampler', preview_url: '/api/runs/r1/files/a.png?v=5' }] };
  assert.deepEqual(makingOf(record, gone), { run: 'r1', agent: 'sampler', url: '/api/runs/r1/files/a.png?v=5', step: null, of: null, result: null, last: true });
  assert.equal(makingOf({ ...record, id: 'r0' }, gone), null);
  assert.equal(makingOf({ id: 'r1', agents: [{ agent: 'sampler', preview_url: null }] }, gone), null);
});

test('what is not to be believed is not shown', () => {
  for (const more of [
    { run_id: 'r0' }, { agent: 'nobody' }, { agent: null }, { url: 'https://example.org/a.png' }, { url: '//example.org/a.png' }, { url: 7 },
  ]) assert.equal(after(preview(1, more)), null, JSON.stringify(more));
  for (const more of [{ of: 0 }, { step: 12 }, { step: '1' }]) assert.equal(after(preview(1, more)).of, null, JSON.stringify(more));
  assert.equal(making(null, preview(9), state([{ agent: 'sampler', status: 'completed' }])), null, 'a late one');
});

test('who comes while an agent works sees its newest preview', () => {
  const record = { id: 'r1', agents: [{ agent: 'intake', preview_url: null }, { agent: 'sampler', preview_url: '/files/a.png?v=5' }] };
  assert.deepEqual(makingOf(record, state()), { run: 'r1', agent: 'sampler', url: '/files/a.png?v=5', step: null, of: null, result: null, last: false });
  assert.equal(makingOf(record, state([{ agent: 'sampler', status: 'completed' }])), null);
  assert.equal(makingOf({ ...record, id: 'r0' }, state()), null);
  assert.equal(makingOf({ id: 'r1', agents: [] }, state()), null);
});
