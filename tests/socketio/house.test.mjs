// The official client in Node against Callboard: tasks, recovery, roles.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startServer } from '../browser/support/server.mjs';
import { WAYS, client, soon, until } from './support/echo.mjs';

const ADMIN = 'socketio-admin-token-0123456789';
const BRIEF = 'A reading list: books with title, author and rating 1 to 5; search by title';

let server;
before(async () => { server = await startServer({ CALLBOARD_ADMIN_TOKEN: ADMIN, CALLBOARD_STORE_DURABILITY: 'system' }); });
after(() => server.stop());

async function post(path, body) {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(response.ok, `${path}: ${response.status}`);
  return response.json();
}

async function start() {
  const { id } = await post('/api/projects', { name: 'Books', brief: BRIEF });
  return (await post(`/api/projects/${id}/generate`, {})).run_id;
}

const seq = (position) => Number(position.split('-')[1]);

for (const [way, options] of Object.entries(WAYS)) {
  test(`${way}: a task is told from where it stands to its end`, async () => {
    const here = client(server.url, options);
    const [connected] = await here.hear('connected');
    assert.equal(connected.role, 'operator');
    const [status] = await here.hear('status');
    assert.deepEqual([status.state, status.ready], ['idle', true]);
    const task = await start();
    const answer = await soon('ack', here.socket.emitWithAck('join_task', { task_id: task }));
    assert.equal(answer.task_id, task);
    const [first] = await here.hear('progress_update');
    assert.equal(first.task_id, task);
    const [done] = await here.hear('task_completed');
    assert.equal(done.results.status, 'completed');
    const updates = here.heard.filter((one) => one.name === 'progress_update').map((one) => one.args[0]);
    assert.ok(updates.length > 5, `${updates.length} updates`);
    const percents = [first, ...updates].map((one) => one.progress_percent);
    assert.deepEqual(percents, [...percents].sort((a, b) => a - b), 'progress never falls');
    const places = updates.map((one) => seq(one.position));
    assert.deepEqual(places, [...new Set(places)].sort((a, b) => a - b), 'each event once and in order');
    for (const one of updates) {
      assert.deepEqual(Object.keys(one).sort(), ['current_step', 'estimated_completion', 'position', 'progress_percent', 'status', 'task_id']);
    }
    here.socket.disconnect();
  });
}

test('a client that comes back goes on at its position', async () => {
  const task = await start();
  const steady = client(server.url);
  await soon('ack', steady.socket.emitWithAck('join_task', { task_id: task }));
  await steady.hear('task_completed');
  const all = steady.heard.filter((one) => one.name === 'progress_update').map((one) => one.args[0].position);
  const since = all[Math.floor(all.length / 2)];

  // By itself after a reconnect: what it says of itself is asked for again each time.
  const known = {};
  const back = client(server.url, { ...WAYS.websocket, auth: (say) => say({ since: known }) });
  await back.happens('connect');
  known[task] = since;
  back.socket.io.engine.close();
  await back.hear('task_completed');
  const missed = back.heard.filter((one) => one.name === 'progress_update').map((one) => one.args[0].position);
  assert.deepEqual(missed, all.slice(all.indexOf(since) + 1));

  const asked = await soon('ack', back.socket.emitWithAck('join_task', { task_id: task, since }));
  assert.equal(asked.resumed, true);
  for (const one of [steady, back]) one.socket.disconnect();
});

test('a task that has ended is told at once, and leaving one is silence', async () => {
  const task = await start();
  await until('the end', async () => (await (await fetch(`${server.url}/api/runs/${task}`)).json()).status === 'completed');
  const here = client(server.url);
  here.socket.emit('join_task', { task_id: task });
  const [first] = await here.hear('progress_update');
  assert.deepEqual([first.status, first.progress_percent], ['completed', 100]);
  await here.hear('task_completed');
  const asked = await soon('ack', here.socket.emitWithAck('get_task_status', { task_id: task }));
  assert.equal(asked.status, 'completed');
  assert.deepEqual(await soon('ack', here.socket.emitWithAck('leave_task', { task_id: task })), { task_id: task, left: true });
  here.socket.disconnect();
});

test('a task can be cancelled', async () => {
  const here = client(server.url);
  await here.happens('connect');
  // One that waits behind others cannot end before the cancel comes.
  const tasks = await Promise.all([1, 2, 3, 4, 5, 6].map(start));
  const last = tasks.at(-1);
  await soon('ack', here.socket.emitWithAck('join_task', { task_id: last }));
  const answer = await soon('ack', here.socket.emitWithAck('cancel_task', { task_id: last }));
  assert.equal(answer.task_id, last);
  const [cancelled] = await here.hear('task_cancelled');
  assert.equal(cancelled.task_id, last);
  here.socket.disconnect();
});

test('what is wrong is said, and changes nothing', async () => {
  const here = client(server.url);
  for (const [event, args, code] of [
    ['join_task', [], 'invalid'],
    ['join_task', [{ task_id: 5 }], 'invalid'],
    ['join_task', [{ task_id: 'x' }], 'invalid'],
    ['join_task', [{ task_id: '0190a000-0000-7000-8000-000000000001' }], 'not_found'],
    ['join_task', [{ task_id: '0190a000-0000-7000-8000-000000000001', since: 'x' }], 'invalid'],
    ['cancel_task', [{ task_id: '0190a000-0000-7000-8000-000000000001' }], 'not_found'],
    ['join_admin_dashboard', [], 'forbidden'],
    ['fly', [], 'unknown_event'],
  ]) {
    const { error } = await soon('ack', here.socket.emitWithAck(event, ...args));
    const [said] = await here.hear('task_error');
    assert.deepEqual([error.code, said.code], [code, code], event);
  }
  here.socket.disconnect();
});

test('tokens decide who comes in and what they hear', async () => {
  const wrong = client(server.url, { auth: { token: 'wrong' } });
  assert.match((await wrong.happens('connect_error')).message, /not known/);
  const strange = client(`${server.url}/elsewhere`);
  assert.equal((await strange.happens('connect_error')).message, 'Invalid namespace');

  const admin = client(server.url, { auth: { token: ADMIN } });
  assert.equal((await admin.hear('connected'))[0].role, 'admin');
  assert.deepEqual(await soon('ack', admin.socket.emitWithAck('join_admin_dashboard')), { joined: true });
  const [{ metrics }] = await admin.hear('system_metrics_update');
  for (const field of ['active_jobs', 'completed_today', 'system_load']) assert.ok(field in metrics, field);
  const task = await start();
  await until('the job to be told to its end', async () => {
    const [{ job }] = await admin.hear('job_update');
    return job.id === task && job.status === 'completed';
  });
  for (const one of [wrong, strange, admin]) one.socket.disconnect();
});

test('everyone hears the machine, and the status when it is asked for', async () => {
  const here = client(server.url, WAYS.polling);
  const [telemetry] = await here.hear('telemetry');
  assert.deepEqual(Object.keys(telemetry).sort(), ['accelerator_percent', 'cpu_percent', 'memory_mb', 'memory_percent', 'power_w']);
  assert.equal((await soon('ack', here.socket.emitWithAck('request_status'))).state, 'idle');
  here.socket.disconnect();
});

test('the browser client is served', async () => {
  const response = await fetch(`${server.url}/socket.io/socket.io.js`);
  assert.match(response.headers.get('content-type'), /javascript/);
  assert.match(await response.text(), /Socket\.IO v4\.8\.\d+[^]*MIT License/);
});
