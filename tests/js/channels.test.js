// The channel socket's client: what it says when a socket opens, and where it goes on.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ChannelSession, Channels, channelAddress } from '../../static/js/client/channels.js';

const hello = JSON.stringify({ type: 'connection', client_id: 'c', channels: ['jobs'] });
const frame = (message) => JSON.stringify(message);
const event = (position) => frame({ type: 'job_progress', channel: 'jobs', position });
const sent = (effects) => effects.filter((effect) => effect.do === 'send').map((effect) => JSON.parse(effect.text));

function session(options = {}) {
  return new ChannelSession({ random: () => 0.5, channels: ['jobs', 'queue'], clientType: 'gui', clientName: 'desk', ...options });
}

test('it says who it is and what it wants, and is connected once that is answered', () => {
  const client = session();
  assert.deepEqual(client.start(0), [{ do: 'open', since: null }, { do: 'status' }]);
  assert.deepEqual(sent(client.frame(hello, 1)), [
    { type: 'register', client_type: 'gui', client_name: 'desk' },
    { type: 'subscribe', channels: ['jobs', 'queue'] },
  ]);
  assert.equal(client.status, 'connecting');
  client.frame(frame({ type: 'registered' }), 2);
  client.frame(frame({ type: 'subscribed', channels: ['jobs', 'queue'], position: 'e-7', resumed: false, gap: null }), 3);
  assert.equal(client.status, 'connected');
  assert.equal(client.position, 'e-7');
});

test('it comes back with the position of the last event, or of the last pong', () => {
  const client = session();
  client.start(0);
  client.frame(hello, 1);
  client.frame(frame({ type: 'subscribed', channels: [], position: 'e-7' }), 2);
  client.frame(event('e-9'), 3);
  assert.equal(client.position, 'e-9');
  client.frame(frame({ type: 'pong', position: 'e-15' }), 4);
  client.frame(frame({ type: 'pong', position: null }), 4);
  client.closed(1006, '', 5);
  assert.equal(client.status, 'reconnecting');
  // Full jitter: half of the first ceiling of two seconds.
  assert.equal(client.deadline, 5 + 1000);
  client.timeUp(1005);
  assert.deepEqual(sent(client.frame(hello, 1006))[1], { type: 'subscribe', channels: ['jobs', 'queue'], since: 'e-15' });
  // The store was lost: what is given back counts.
  client.frame(frame({ type: 'subscribed', channels: [], position: 'f-0', resumed: false, gap: { from: 'e-15', to: 'f-0' } }), 1007);
  assert.equal(client.position, 'f-0');
});

test('channels that are added later do not move the place', () => {
  const client = session({ position: 'e-3' });
  client.start(0);
  assert.equal(sent(client.frame(hello, 1))[1].since, 'e-3');
  assert.deepEqual(client.add(['approval']), [], 'not while it waits for an answer');
  const answered = client.frame(frame({ type: 'subscribed', channels: [], position: 'e-3' }), 2);
  assert.deepEqual(sent(answered), [{ type: 'subscribe', channels: ['approval'] }]);
  client.frame(event('e-4'), 3);
  assert.deepEqual(sent(client.add(['jobs', 'export'])), [{ type: 'subscribe', channels: ['export'] }]);
  client.frame(frame({ type: 'subscribed', channels: ['export'], position: 'e-99' }), 4);
  assert.equal(client.position, 'e-4');
  assert.deepEqual(sent(client.remove(['export', 'photos'])), [{ type: 'unsubscribe', channels: ['export'] }]);
  assert.deepEqual([...client.wanted], ['jobs', 'queue', 'approval']);
});

test('what is wanted no longer while the answer is on its way is said once it is there', () => {
  const client = session();
  client.start(0);
  client.frame(hello, 1);
  assert.deepEqual(client.remove(['queue']), [], 'not while it waits for an answer');
  client.add(['export']);
  const answered = client.frame(frame({ type: 'subscribed', channels: ['jobs', 'queue'], position: 'e-3' }), 2);
  assert.deepEqual(sent(answered), [{ type: 'subscribe', channels: ['export'] }, { type: 'unsubscribe', channels: ['queue'] }]);
  assert.deepEqual(sent(client.frame(frame({ type: 'subscribed', channels: ['export'], position: 'e-4' }), 3)), [], 'once');
  // Given up and wanted again: nothing has changed.
  const back = session();
  back.start(0);
  back.frame(hello, 1);
  back.remove(['jobs', 'queue']);
  back.add(['queue', 'jobs']);
  assert.deepEqual(sent(back.frame(frame({ type: 'subscribed', channels: [], position: 'e-3' }), 2)), []);
});

test('a close code from 4500 on is the end', () => {
  const client = session();
  client.start(0);
  client.closed(4502, 'revoked', 1);
  assert.deepEqual([client.status, client.deadline], ['stopped', null]);
});

test('the shell hands events to listeners and opens the right address', () => {
  const sockets = [];
  const environment = {
    now: () => 0, random: () => 0, after: () => null, clear() {}, visible: () => true, watch: () => () => {},
    report: (error) => { throw error; },
    open() {
      const socket = { sent: [], readyState: 1, send: (text) => socket.sent.push(JSON.parse(text)), close() {} };
      sockets.push(socket);
      return socket;
    },
  };
  const heard = [];
  const channels = new Channels(['jobs'], { environment });
  channels.on('job_progress', (message) => heard.push(message.position)).connect();
  for (const text of [hello, frame({ type: 'subscribed', channels: ['jobs'], position: 'e-7' }), event('e-8')]) {
    sockets[0].onmessage({ data: text });
  }
  channels.subscribe('queue');
  assert.deepEqual([heard, channels.position, channels.isConnected()], [['e-8'], 'e-8', true]);
  assert.deepEqual(sockets[0].sent.at(-1), { type: 'subscribe', channels: ['queue'] });
  assert.equal(channelAddress({ protocol: 'https:', host: 'x:1' }), 'wss://x:1/ws');
  assert.equal(channelAddress({ protocol: 'http:', host: 'x' }), 'ws://x/ws');
});
