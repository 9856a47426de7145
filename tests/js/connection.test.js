// The shell: sockets and timers of our own stand in for those of a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Connection, roomAddress } from '../../static/js/client/connection.js';
import { emptyState } from '../../static/js/client/fold.js';

function world() {
  const sockets = [];
  const timers = [];
  const errors = [];
  let now = 0;
  const environment = {
    now: () => now,
    random: () => 0.5,
    after(ms, callback) {
      const timer = { at: now + ms, callback };
      timers.push(timer);
      return timer;
    },
    clear(timer) {
      if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1);
    },
    open(projectId, since) {
      const socket = { projectId, since, sent: [], open: true, readyState: 1, send: (text) => socket.sent.push(text), close: () => { socket.open = false; } };
      sockets.push(socket);
      return socket;
    },
    report: (error) => errors.push(error),
    visible: () => true,
    watch(hooks) {
      environment.hooks = hooks;
      return () => { environment.hooks = null; };
    },
  };
  const passTime = (ms) => {
    now += ms;
    for (const timer of timers.filter(({ at }) => at <= now)) {
      environment.clear(timer);
      timer.callback();
    }
  };
  const say = (socket, message) => socket.onmessage({ data: JSON.stringify(message) });
  return { environment, sockets, timers, errors, passTime, say };
}

const welcome = { type: 'connection', seq: 0, position: 'e-0', resumed: false, gap: null, state: emptyState() };
const update = { type: 'status_update', seq: 1, position: 'e-1', run_id: 'r', timestamp: 't', status: 'running', progress: 1, message: 'm', eta: null };

test('listeners hear a message after it was applied, and one that throws keeps nothing from the others', () => {
  const { environment, sockets, errors, say } = world();
  const heard = [];
  const connection = new Connection('p', { environment });
  connection.on('status_update', () => { throw new Error('mine'); });
  connection.on('status_update', () => heard.push(connection.state.progress));
  connection.on('*', (message) => heard.push(message.type));
  connection.connect();
  say(sockets[0], welcome);
  say(sockets[0], update);
  assert.deepEqual(heard, ['connection', 1, 'status_update']);
  assert.equal(errors.length, 1);
});

test('a dropped socket is not heard any more, and there is never more than one open', () => {
  const { environment, sockets, passTime, say } = world();
  const connection = new Connection('p', { environment }).connect();
  say(sockets[0], welcome);
  passTime(30000);
  assert.deepEqual(sockets[0].sent, ['{"type":"ping"}']);
  passTime(10000);
  assert.equal(sockets[0].open, false);
  assert.equal(connection.status, 'reconnecting');
  say(sockets[0], update);
  sockets[0].onclose({ code: 4999, reason: '' });
  assert.equal(connection.status, 'reconnecting');
  passTime(2000);
  assert.equal(sockets.length, 2);
  assert.equal(sockets[1].since, 'e-0');
  environment.hooks.wake();
  assert.equal(sockets.filter((socket) => socket.open).length, 1);
});

test('a socket that is closing is not written to, and a wake does not wait for its end', () => {
  const { environment, sockets, say } = world();
  const connection = new Connection('p', { environment }).connect();
  say(sockets[0], welcome);
  sockets[0].readyState = 2;
  assert.equal(connection.send('ping'), false);
  environment.hooks.wake();
  assert.deepEqual([sockets.length, sockets[0].sent.length, connection.status], [2, 0, 'connecting']);
  sockets[0].onclose({ code: 1006, reason: '' });
  assert.equal(connection.status, 'connecting');
});

test('disconnect ends sockets, timers and watching', () => {
  const { environment, sockets, timers, say } = world();
  const connection = new Connection('p', { environment }).connect();
  say(sockets[0], welcome);
  assert.equal(connection.send({ type: 'get_state' }), true);
  connection.disconnect();
  assert.equal(connection.send('ping'), false);
  assert.deepEqual([sockets[0].open, timers.length, environment.hooks], [false, 0, null]);
});

test('a listener may disconnect in the middle of a message', () => {
  const { environment, sockets, timers, say } = world();
  const connection = new Connection('p', { environment });
  connection.on('connection', () => connection.disconnect());
  connection.connect();
  say(sockets[0], welcome);
  assert.deepEqual([connection.status, timers.length], ['stopped', 0]);
});

test('the address follows the page', () => {
  const address = (protocol, since) => roomAddress({ protocol, host: 'h:1' }, 'id', since);
  assert.equal(address('http:', null), 'ws://h:1/api/ws/projects/id');
  assert.equal(address('https:', 'e-1&x'), 'wss://h:1/api/ws/projects/id?since=e-1%26x');
});
